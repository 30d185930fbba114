import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, request } from "undici";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { credentialOf } from "../../packages/client/src/proxy/credential.ts";
import { keyVariable, openFiles, readSettings } from "../../packages/client/src/proxy/settings.ts";
import { systemRuntime } from "../../packages/client/src/runtime.ts";
import { fakeKey, startServer, startTokenServer } from "../client/servers.ts";
import { serve } from "../support/server.ts";
import { newSocket } from "./stage.ts";

const main = join(import.meta.dirname, "../../packages/client/src/proxy.ts");

/** A process of the command, which ends with its test. */
function start(args: string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [main, ...args], { env: { PATH: process.env["PATH"], ...environment } });
  const output = { out: "", err: "" };
  child.stdout.on("data", (piece) => (output.out += String(piece)));
  child.stderr.on("data", (piece) => (output.err += String(piece)));
  const exit = once(child, "exit").then(([code]) => code as number | null);
  onTestFinished(() => void child.kill("SIGKILL"));
  return { child: child as ChildProcess, output, exit };
}

const fileWith = (content: string) => {
  const path = join(mkdtempSync(join(tmpdir(), "proxy-")), "file");
  writeFileSync(path, content);
  return path;
};

test("The command says when it is ready, check asks it, and SIGTERM lets an open call end", async () => {
  const open: ServerResponse[] = [];
  const api = await serve((_, response) => {
    response.write("one");
    open.push(response);
  });
  const broker = await startTokenServer(() => api);
  const socket = newSocket();
  const config = fileWith(JSON.stringify({ broker: "https://other.test", connections: ["acme"], caller: "orders" }));
  const args = ["--config", config, "--broker", broker.url, "--socket", socket];
  const environment = { [keyVariable]: fakeKey };
  const asked = async () => {
    const { output, exit } = start(["check", ...args], environment);
    return [await exit, output.out, output.err];
  };

  const early = await asked();
  const { child, output, exit } = start(args, environment);
  await vi.waitFor(() => expect(output.out).toContain('"code":"ok"'), 20_000);
  const agent = new Agent({ connect: { socketPath: socket } });
  onTestFinished(() => agent.destroy());
  const { body } = await request("http://smart-services/acme/x", { dispatcher: agent });
  const ready = await asked();
  child.kill("SIGTERM");
  // The socket is gone: no new call begins.
  await vi.waitFor(async () => expect((await asked())[0]).toBe(1), 20_000);
  open[0]?.end(" two");

  expect([await body.text(), await exit]).toEqual(["one two", 0]);
  expect(early).toEqual([
    1,
    "",
    `smart-services-proxy: No proxy listens on ${socket}: start it, or correct the setting.\n`,
  ]);
  expect(ready).toEqual([0, "ready\n", ""]);
  expect(output.out.split("\n")[0]).toBe(`ready ${socket}`);
  expect(output).toEqual({ out: expect.not.stringMatching(/fake-(key|token)/), err: "" });
});

/** A started command with a call that does not end. */
async function startWithOpenCall(...more: string[]) {
  const api = await serve((_, response) => void response.write("one"));
  const broker = await startTokenServer(() => api);
  const socket = newSocket();
  const options = ["--broker", broker.url, "--connections", "acme", "--caller", "orders", "--socket", socket];
  const started = start([...options, ...more], { [keyVariable]: fakeKey });
  await vi.waitFor(() => expect(started.output.out).toContain("ready"), 20_000);
  const agent = new Agent({ connect: { socketPath: socket } });
  onTestFinished(() => agent.destroy());
  const { body } = await request("http://smart-services/acme/x", { dispatcher: agent });
  return { ...started, body };
}

test("A call that does not end is cut off after drain seconds", async () => {
  const { child, output, exit, body } = await startWithOpenCall("--drain", "0.1");

  child.kill("SIGTERM");

  await expect(body.text()).rejects.toThrow();
  expect(await exit).toBe(0);
  expect(output.out).toMatch(/"message":"stopping",[^\n]*"openCalls":1\}\n.*"code":"stopped"/);
});

test("A second signal ends the process", async () => {
  const { child, output, exit, body } = await startWithOpenCall();

  child.kill("SIGTERM");
  await vi.waitFor(() => expect(output.out).toContain('"stopping"'));
  child.kill("SIGINT");

  await expect(body.text()).rejects.toThrow();
  expect([await exit, child.signalCode]).toEqual([null, "SIGINT"]);
});

test("A broker that does not answer keeps no process alive after SIGTERM", async () => {
  const asked: unknown[] = [];
  const broker = await serve((_, response) => void asked.push(response));
  const options = ["--broker", broker, "--connections", "acme", "--caller", "orders", "--socket", newSocket()];
  const { child, exit } = start(options, { [keyVariable]: fakeKey });
  await vi.waitFor(() => expect(asked).toHaveLength(1), 20_000);

  child.kill("SIGTERM");

  expect(await exit).toBe(0);
  // Of the client's timeout, 15 s.
}, 12_000);

describe("A mistake gets one line that names it:", () => {
  const common = ["--broker", "https://broker.test", "--connections", "acme"];

  test.each<[string[], string]>([
    [["--colour"], "Unknown option '--colour'. See --help."],
    [["--broker", "--connections", "x"], "Option '--broker' argument is ambiguous. See --help."],
    [["run"], "The argument run is unknown. The only command is check."],
    [["--config", "/nowhere"], "config: /nowhere cannot be read (ENOENT)."],
    [[...common, "--caller", "orders"], `The caller key is missing. Give --key-file FILE, or set ${keyVariable}.`],
    [[...common, "--credential", "iam"], "iam: the region is missing. Set AWS_REGION, or give region."],
    [
      [...common, "--credential", "iam", "--region", "x", "--listen", "127.0.0.1:0", "--secret-file", "SHORT"],
      "secretFile: the secret in SHORT has fewer than 32 characters. Create one: (umask 027; openssl rand -hex 32 > SHORT)",
    ],
    [
      [...common, "--credential", "iam", "--region", "x", "--socket", "/nowhere/x.sock"],
      "socket: /nowhere/x.sock cannot be opened (EACCES). The folder of a socket is missing, or this user may not listen here.",
    ],
    [[...common, "--caller", "orders", "--key-file", "/nowhere"], "keyFile: /nowhere cannot be read (ENOENT)."],
    [[...common, "--caller", "orders", "--key-file", "/dev/null"], "keyFile: /dev/null is empty."],
    [
      [...common, "--credential", "kubernetes", "--token-file", "/nowhere"],
      "tokenFile: /nowhere cannot be read (ENOENT).",
    ],
  ])("%j", async (args, message) => {
    const short = fileWith("fake-secret");
    const own = (text: string) => text.replaceAll("SHORT", short);

    const { output, exit } = start(args.map(own));

    expect([await exit, output]).toEqual([1, { out: "", err: `smart-services-proxy: ${own(message)}\n` }]);
  });

  const complete = { broker: "https://broker.test", connections: ["acme"], caller: "orders" };
  test.each<[object, string]>([
    [{ broker: undefined }, "broker is missing"],
    [{ broker: "http://broker.test" }, "broker must be an https URL, or http on this machine"],
    [{ connections: [] }, "connections is empty"],
    [{ connections: ["A"] }, "connections: every id must be"],
    [{ caller: undefined }, "caller is missing: credential is caller-key"],
    [{ credential: "kubernetes" }, "tokenFile is missing: credential is kubernetes"],
    [{ credential: "password" }, "credential must be caller-key, iam"],
    [{ brokers: "x" }, "Did you mean broker?"],
    [{ calls: [{ methods: ["GET"], path: "a" }] }, 'calls: the path "a" must begin with /.'],
    [{ socketMode: "0777" }, "socketMode must be 0600, 0660 or 0666"],
    [{ listen: "8080" }, "listen must be HOST:PORT"],
    [{ listen: "127.0.0.1:65536" }, "listen: the port must be below 65536"],
    [{ listen: "127.0.0.1:8080" }, "secretFile is missing: every user of the machine reaches the port of listen"],
    [
      { listen: "127.0.0.1:8080", socket: "/x", secretFile: "/x" },
      "listen and socket are both given: remove one of them",
    ],
    [{ allowHosts: ["http://proxy"] }, "allowHosts must be host names, without a port"],
    [{ apiTimeout: "5" }, "apiTimeout must be a number of seconds from 0.01 to 86400"],
    [{ maxCalls: 0 }, "maxCalls must be a number from 1 to 100000"],
    [{ drain: -1 }, "drain must be a number of seconds from 0 to 3600"],
  ])("%o", (change, message) => {
    const file = { path: "proxy.json", content: JSON.stringify({ ...complete, ...change }) };

    expect(() => readSettings({}, file)).toThrow(message);
    expect(() => readSettings({}, file)).toThrow("Fix it in proxy.json or with an option; --help lists them.");
  });

  test("a file that is not a JSON object", () => {
    for (const content of ["", "[]", "stb_fake-key"]) {
      expect(() => readSettings({}, { path: "proxy.json", content })).toThrow(
        /^proxy\.json must be a JSON object\. See /,
      );
    }
    expect(() => readSettings({}, { path: "proxy.json", content: '\n{"a": "stb_fake-key",\n}' })).toThrow(
      "proxy.json must be a JSON object. The mistake is at line 3 column 1. See ",
    );
  });
});

test("A file with a key or a secret that every user can read gets a warning with its mode", () => {
  const [open, closed] = [fileWith("fake"), fileWith("fake")];
  chmodSync(open, 0o644);
  chmodSync(closed, 0o640);
  const common = { broker: "https://broker.test", connections: ["acme"], caller: "orders" };
  const settingsOf = (path: string) =>
    readSettings({}, { path: "", content: JSON.stringify({ ...common, keyFile: path, secretFile: path }) });

  const warning = `every user of the machine can read ${open}, whose mode is 0644. Remove this right: chmod o-r.`;
  expect(openFiles(settingsOf(open))).toEqual([`keyFile: ${warning}`, `secretFile: ${warning}`]);
  expect(openFiles(settingsOf(closed))).toEqual([]);
});

test("A file with a credential is read again for each request to the broker", async () => {
  const { received, url } = await startServer((_, response) => response.end("{}"));
  const order = { connection: "acme", broker: url };
  const settings = (more: object) =>
    readSettings({}, { path: "", content: JSON.stringify({ broker: url, connections: ["acme"], ...more }) });
  const forms = [];
  for (const field of ["keyFile", "tokenFile"]) {
    const path = fileWith("fake-first\n");
    const kind = field === "keyFile" ? "caller-key" : "kubernetes";
    const credential = credentialOf(settings({ credential: kind, caller: "orders", [field]: path }), {});
    forms.push((await credential.request(order, systemRuntime)).body);
    writeFileSync(path, "fake-second\n");
    forms.push((await credential.request(order, systemRuntime)).body);
  }

  expect(forms).toEqual([
    expect.stringMatching(/client_id=orders&client_secret=fake-first&/),
    expect.stringMatching(/client_id=orders&client_secret=fake-second&/),
    expect.stringMatching(/subject_token=fake-first&/),
    expect.stringMatching(/subject_token=fake-second&/),
  ]);
  expect(received).toEqual([]);
});
