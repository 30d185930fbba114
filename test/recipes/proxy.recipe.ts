import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { newCertificate, startTls } from "../../bench/tls.ts";
import { listen } from "../../fixtures/listen.ts";
import { serve } from "../support/server.ts";
import { output, StartedCommand } from "../local/run-harness.ts";
import { php, python } from "./packages.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/proxy.md"), "utf8");
const [, start = "", calls = ""] = /\n## Start it\n([^]*?)\n## Call\n([^]*?)\n## /.exec(page) ?? [];
const blocksOf = (section: string) =>
  [...section.matchAll(/^```(\w+)\n([^]*?)^```/gm)].map(([, language = "", text = ""]) => ({ language, text }));
const [[command], blocks] = [blocksOf(start), blocksOf(calls)];
const programs = blocks.filter(({ language, text }) => language !== "json" && !text.includes("openssl"));

const folder = mkdtempSync(join(tmpdir(), "proxy-recipes-"));
const [socket, secretFile] = [join(folder, "proxy.sock"), join(folder, "secret")];
const started: StartedCommand[] = [];
let port = "";

const brokerPort = () => new URL(started[0]?.url("ready") ?? "").port;

/** A text of the page, with the values of this run. */
const here = (text: string) =>
  text
    .replaceAll(/(\/run\/smart-services\/)?proxy\.sock/g, socket)
    .replaceAll("/etc/smart-services-proxy.secret", secretFile)
    .replaceAll(":8787", `:${brokerPort()}`)
    .replaceAll(":8791", `:${port}`);

const interpreters: Record<string, string> = { sh: "bash", php, python, java: "java" };

beforeAll(async () => {
  const broker = new StartedCommand(["--port", "0"]);
  started.push(broker);
  await broker.ready();
  await output("bash", ["-c", here(blocks.find(({ text }) => text.includes("openssl"))?.text ?? "")]);
  const onSocket = here(command?.text ?? "");
  const onPort = onSocket.replace(`--socket ${socket}`, `--listen 127.0.0.1:0 --secret-file ${secretFile}`);
  for (const text of [onSocket, onPort]) {
    const proxy = new StartedCommand([], { command: ["bash", "-c", text] });
    started.push(proxy);
    await proxy.ready();
  }
  port = new URL(started[2]?.url("ready") ?? "").port;
});
afterAll(() => Promise.all(started.map((each) => each.remove())));

it("docs/proxy.md has programs for the socket and for TCP", () => {
  expect(programs.map(({ language }) => language)).toEqual(["sh", "php", "python", "python", "java"]);
});

it.each(programs)(
  "the $language of docs/proxy.md prints what the page says, through a started proxy",
  async (program) => {
    // Java accepts no other ending.
    const file = join(folder, `Call.${program.language}`);
    writeFileSync(file, here(program.text));

    const printed = await output(interpreters[program.language] ?? "", [file]);

    expect(printed.trim()).toBe(blocks.find(({ language }) => language === "json")?.text.trim());
  },
);

it("the calls of docs/proxy.md work after the relay of its section on outliving the broker has ended", async () => {
  const [, section = ""] = page.split("\n## Watch it outlive the broker\n");
  const free = await listen(createServer());
  await free.close();
  const atFree = (text: string) => here(text).replaceAll("8786", new URL(free.url).port);
  const path = join(folder, "outlive.sock");
  const relay = new StartedCommand([], { command: ["bash", "-c", atFree(blocksOf(section)[0]?.text ?? "")] });
  await relay.ready();
  const proxied = atFree((command?.text ?? "").replace(":8787", ":8786")).replace(socket, path);
  const proxy = new StartedCommand([], { command: ["bash", "-c", proxied] });
  onTestFinished(() => proxy.remove());
  await proxy.ready();
  const call = () => output("bash", ["-c", here(programs[0]?.text ?? "").replace(socket, path)]);
  const before = await call();

  await relay.remove();

  await expect(fetch(free.url)).rejects.toThrow("fetch failed");
  expect(await call()).toBe(before);
  expect(JSON.parse(before)).toMatchObject({ ok: true });
});

it.each([
  ["trusts", '{"path":"/x"}'],
  ["does not trust", "502 api_unreachable"],
])("a proxy that %s the certificate of an API with TLS gets its answers, or 502", async (kind, expected) => {
  const files = newCertificate(mkdtempSync(join(tmpdir(), "proxy-tls-")));
  const sockets = new Set<unknown>();
  const api = await startTls(
    await serve(({ url }, response) => void response.end(JSON.stringify({ path: url }))),
    files,
  );
  onTestFinished(api.close);
  api.server.on("secureConnection", (each) => sockets.add(each));
  const token = { access_token: "fake-token", token_type: "Bearer", expires_in: 3600, api_base_url: api.url };
  const broker = await serve((_, response) => void response.end(JSON.stringify(token)));
  const path = join(folder, "tls.sock");
  const trusted = kind === "trusts" ? `NODE_EXTRA_CA_CERTS=${files.certificate}` : "";
  const text = `${trusted} SMART_SERVICES_PROXY_KEY=stb_fake exec node packages/client/src/proxy.ts --broker ${broker} --connections acme --caller x --socket ${path}`;
  const proxy = new StartedCommand([], { command: ["npm", "exec", "-c", text] });
  onTestFinished(() => proxy.remove());
  await proxy.ready();

  const answers = [];
  for (const _ of [1, 2]) {
    const answer = await output("curl", ["--silent", "--unix-socket", path, "http://localhost/acme/x"]);
    const { status, code } = JSON.parse(answer) as { status?: number; code?: string };
    answers.push(code === undefined ? answer : `${status} ${code}`);
  }

  expect(answers).toEqual([expected, expected]);
  // The second call uses the connection of the first.
  expect(sockets.size).toBe(kind === "trusts" ? 1 : 0);
});
