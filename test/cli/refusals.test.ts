import { expect, test } from "vitest";
import { broker } from "./harness.ts";

const nowhere = ["--local-url", "http://127.0.0.1:1"];

test.each<[string, string[], number, RegExp]>([
  ["an unknown command", ["conections"], 2, /unknown command 'conections'/],
  ["an unknown option", ["status", "--colour"], 2, /unknown option '--colour'/],
  ["a missing argument", ["connections", "show"], 2, /missing required argument 'id'/],
  ["too many arguments", ["connections", "show", "a", "b"], 2, /too many arguments/],
  ["an option without its value", ["token", "get", "acme", "--min-ttl"], 2, /argument missing/],
  ["a bad caller's name", ["callers", "key", "-x-", "--json"], 2, /./],
  [
    "a file that cannot be read",
    ["callers", "list", "--file", "/nonexistent/cdk.json"],
    2,
    /cannot be read \(ENOENT\)/,
  ],
  [
    "a local run that is not there",
    ["status", ...nowhere],
    5,
    /No local run answers at http:\/\/127.0.0.1:1: start it/,
  ],
  ["a local URL that is elsewhere", ["status", "--local-url", "https://example.com"], 2, /must be the URL/],
])("%s is one line and status as documented", async (_, args, code, complaint) => {
  const { status, stdout, stderr } = await broker(args);

  expect(stderr).toMatch(complaint);
  expect(stderr.trimEnd()).not.toContain("\n");
  expect({ status, stdout }).toEqual({ status: code, stdout: "" });
});

test("with --json an error is JSON too, on stderr", async () => {
  const { status, stderr } = await broker(["status", "--json", ...nowhere]);

  expect(JSON.parse(stderr)).toMatchObject({ exit_code: status });
});

test.each([
  ["connections", "add", "acme", "--api-key=fake-key-1"],
  ["connections", "add", "acme", "--key=fake-key-1"],
  ["keys", "stage", "acme", "--key", "fake-key-1"],
  ["token", "reject", "acme", "--token=fake-key-1"],
])("no option takes a secret, and one that was tried is not repeated: %s %s %s %s", async (...args) => {
  const { status, stderr } = await broker(args);

  expect(status).toBe(2);
  expect(stderr).toMatch(/^error: unknown option '--[a-z-]+'\n$/);
});

test("help is no error, and names the options of every command", async () => {
  const { status, stdout } = await broker(["connections", "add", "--help"]);

  expect(status).toBe(0);
  expect(stdout).toContain("--key-file <file>");
  expect(stdout).toContain("--local-url <url>");
});
