import { GetItemCommand, DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from "vitest";
import { StartedCommand } from "../local/run-harness.ts";
import { emulatorConfig } from "../../fixtures/aws.ts";
import { serve } from "../support/server.ts";
import { startBrowser } from "./chromium.ts";

const rebound = "rebound.test";
const words = ["ready", "dynamodb", "secretsmanager", "eventbridge", "simulator", "issuer"];

let run: StartedCommand;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  run = new StartedCommand(["--port", "0"]);
  await run.ready();
  // As a name server does that answers first with the attacker's address, then with this one.
  browser = await startBrowser([`--host-resolver-rules=MAP ${rebound} 127.0.0.1`]);
});
afterAll(async () => {
  await browser?.close();
  await run?.remove();
});
beforeEach(async () => {
  const context = await browser.newContext();
  page = await context.newPage();
  onTestFinished(() => context.close());
});

interface Attempt {
  url: string;
  target?: string;
  body?: object;
  mode?: "cors" | "no-cors";
}

/** Sends a POST from the page. The response as far as the page can read it. */
function post({ url, target, body = {}, mode = "cors" }: Attempt): Promise<string> {
  const authorization = "AWS4-HMAC-SHA256 Credential=FAKE/fake, SignedHeaders=host, Signature=fake";
  const types = { "content-type": "application/x-amz-json-1.0", "x-amz-target": target };
  const headers = mode === "cors" ? { ...types, authorization, "x-amz-date": "20261124T080000Z" } : {};
  const sent = { method: "POST", mode, headers };
  const init = JSON.stringify({ ...sent, body: JSON.stringify(body) });
  return page.evaluate(
    `fetch(${JSON.stringify(url)}, ${init}).then(async (r) => r.type + " " + r.status + " " + (await r.text()), () => "blocked")`,
  );
}

it("a page on another port of this machine cannot read or write what the local run keeps", async () => {
  const table = new DynamoDBClient(emulatorConfig(run.url("dynamodb")));
  const { TableNames: [TableName] = [] } = await table.send(new ListTablesCommand());
  const key = { connection: { S: "planted" } };
  await page.goto(await serve((_, response) => response.end("<!doctype html><title>fake</title>")));

  const answers = await Promise.all([
    post({ url: run.url("dynamodb"), target: "DynamoDB_20120810.ListTables" }),
    post({ url: run.url("dynamodb"), target: "DynamoDB_20120810.PutItem", body: { TableName, Item: key } }),
    post({ url: run.url("secretsmanager"), target: "secretsmanager.ListSecrets" }),
    post({ url: run.url("eventbridge"), target: "AWSEvents.PutEvents" }),
    post({ url: `${run.url("simulator")}/_simulator`, body: { mode: "unavailable" } }),
    post({ url: `${run.url("ready")}/_dashboard/scenario`, body: { scenario: "outage" } }),
  ]);
  const opaque = await Promise.all([
    post({ url: `${run.url("simulator")}/_simulator`, body: { mode: "unavailable" }, mode: "no-cors" }),
    post({ url: `${run.url("ready")}/_dashboard/scenario`, body: { scenario: "outage" }, mode: "no-cors" }),
  ]);

  expect(answers).toEqual(answers.map(() => "blocked"));
  // Cross-Origin-Resource-Policy, which the page of the local run has, blocks the second.
  expect(opaque).toEqual(["opaque 0 ", "blocked"]);
  expect(await table.send(new GetItemCommand({ TableName, Key: key }))).not.toHaveProperty("Item");
  const state = (await (await fetch(`${run.url("simulator")}/_simulator`)).json()) as { scenario: object };
  expect(state.scenario).toMatchObject({ mode: "ok" });
});

it.each(words)("a page whose name was rebound to this machine gets nothing from the port of %s", async (word) => {
  const url = run.url(word).replace("127.0.0.1", rebound);

  const opened = await page.goto(url);
  const answer = await post({ url, target: "secretsmanager.ListSecrets" });

  expect(opened?.status()).toBe(403);
  expect(answer).toMatch(/^basic 403 \{"message":"The Host of the request is not a name of the local run/);
});

it("the page of the local run works, by either name of this machine", async () => {
  for (const name of ["127.0.0.1", "localhost"]) {
    await page.goto(run.url("ready").replace("127.0.0.1", name));
    await page.getByRole("button", { name: "ok", exact: true }).click();
    await page.getByText("Smart Services: ok.").waitFor();
  }
});
