import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Browser } from "playwright-core";
import { isReport, startServer, startTokenServer } from "../client/servers.ts";
import { startBrowser } from "./chromium.ts";

let browser: Browser;
let script: string;
beforeAll(async () => {
  browser = await startBrowser();
  const entry = join(import.meta.dirname, "../../packages/client/src/index.ts");
  const options = {
    bundle: true,
    format: "iife",
    globalName: "smartTokenBroker",
    platform: "browser",
    write: false,
  } as const;
  const { outputFiles } = await build({ entryPoints: [entry], ...options });
  script = outputFiles[0]?.text ?? "";
});
afterAll(() => browser?.close());

const cors = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "authorization, content-type",
  "access-control-allow-methods": "*",
};

test("In a page, the client reports a rejected token, and sends none to another origin", async () => {
  const other = await startServer((_, response) => response.writeHead(200, cors).end("other"));
  const api = await startServer(({ authorization }, response) => {
    // A preflight has no token.
    if (authorization === undefined) response.writeHead(204, cors).end();
    else if (authorization === "Bearer fake-token-1") response.writeHead(401, cors).end();
    else response.writeHead(302, { ...cors, location: `${other.url}/x` }).end();
  });
  const broker = await startTokenServer(
    () => api.url,
    (_, response) => {
      for (const [name, value] of Object.entries(cors)) response.setHeader(name, value);
      return false;
    },
  );
  const pages = await startServer((_, response) => response.setHeader("content-type", "text/html").end("<p>Fake</p>"));
  const page = await browser.newPage();
  await page.goto(pages.url);
  await page.addScriptTag({ content: script });

  const answer: unknown = await page.evaluate(`(async () => {
    const { createClient, jwt } = smartTokenBroker;
    const client = createClient({ broker: "${broker.url}", connection: "webapicorso", credential: jwt(() => "fake.jwt") });
    const response = await client.fetch("/customers");
    const failing = createClient({ broker: "http://127.0.0.1:9", connection: "acme", credential: jwt(() => "fake.jwt") });
    return [response.status, await response.text(), await failing.token().catch(({ code }) => code)];
  })()`);

  expect(answer).toEqual([200, "other", "unreachable"]);
  expect(broker.received.map(isReport)).toEqual([false, true]);
  const tokens = api.received.flatMap(({ authorization }) => authorization ?? []);
  expect(tokens).toEqual(["Bearer fake-token-1", "Bearer fake-token-2"]);
  expect(other.received.length).toBeGreaterThan(0);
  expect(other.received.flatMap(({ authorization }) => authorization ?? [])).toEqual([]);
});
