import { afterAll, beforeAll, expect, test } from "vitest";
import { LocalBroker } from "./harness.ts";

const local = new LocalBroker();
beforeAll(() => local.start());
afterAll(() => local.run.remove());

test.each<[string, string[], number, RegExp]>([
  ["show of an unknown id", ["connections", "show", "nobody"], 3, /dev\/nobody does not exist/],
  ["renew of an unknown id", ["connections", "renew", "nobody"], 3, /dev\/nobody does not exist/],
  ["remove of an unknown id", ["connections", "remove", "nobody", "--yes"], 3, /There is no connection nobody/],
  ["status of an unknown id", ["status", "nobody"], 3, /No token of nobody was ever got/],
  ["a token of an unknown id", ["token", "get", "nobody"], 3, /unknown_connection: .*broker status nobody/],
  ["keys of an unknown id", ["keys", "status", "nobody"], 3, /dev\/nobody does not exist/],
  ["stage for an unknown id", ["keys", "stage", "nobody"], 3, /dev\/nobody does not exist/],
  ["rotate of an unknown id", ["keys", "rotate", "nobody"], 3, /dev\/nobody does not exist/],
  ["probe of an unknown id", ["doctor", "--probe", "nobody", "--yes"], 3, /dev\/nobody does not exist/],
  ["a malformed id to watch", ["status", "ACME", "--watch"], 2, /That is no connection id/],
  ["a malformed id", ["status", "ACME"], 2, /That is no connection id/],
  ["a bad --min-ttl", ["token", "get", "webapicorso", "--min-ttl", "x"], 2, /--min-ttl must be a whole number/],
  ["a bad --every", ["status", "--every", "0"], 2, /--every must be a whole number from 1/],
  ["a bad --recovery-days", ["connections", "remove", "x", "--recovery-days", "3"], 2, /from 7 to 30/],
  [
    "an unreadable key file",
    ["keys", "stage", "webapicorso", "--key-file", "/nonexistent"],
    2,
    /cannot be read \(ENOENT\)/,
  ],
  ["a folder for a file", ["connections", "add", "x", "--file", "/tmp"], 2, /cannot be read \(EISDIR\)/],
  ["an empty stdin", ["keys", "stage", "webapicorso", "--key-file", "-"], 2, /stdin is empty/],
  ["a prompt without a terminal", ["keys", "stage", "webapicorso"], 2, /--key-file FILE, or --key-file - for stdin/],
  ["--apply without --probe", ["doctor", "--apply"], 2, /go with --probe/],
  [
    "a profile that cannot be written",
    ["doctor", "--probe", "webapicorso", "--yes", "--save-profile", "/nonexistent/p"],
    2,
    /cannot be written/,
  ],
])("%s is one line and the documented status", async (_, args, code, complaint) => {
  const { status, stdout, stderr } = await local.broker(args);

  expect(stderr).toMatch(complaint);
  expect(stderr.trimEnd()).not.toContain("\n");
  expect({ status, stdout }).toEqual({ status: code, stdout: "" });
});

test("the name of a file that is not there is not repeated: it may be the key", async () => {
  for (const option of ["--key-file", "--file"]) {
    const { status, stderr } = await local.broker(
      ["connections", "add", "x", option, "stb_Fake-Secret-1", "--username", "a", "--scope", "b"].slice(
        0,
        option === "--file" ? 5 : 9,
      ),
    );
    expect(stderr).toMatch(new RegExp(`^error: The file of ${option} cannot be read \\(ENOENT\\): .*\n$`));
    expect(stderr).not.toContain("Fake-Secret");
    expect(status).toBe(2);
  }
});

test("a registration that is wrong names the field, and repeats no value", async () => {
  const text = JSON.stringify({ username: "fake", scope: "fake", apiKey: "fake key 1" });

  const { status, stderr } = await local.broker(["connections", "add", "x", "--file", "-"], text);
  const broken = await local.broker(["connections", "add", "x", "--file", "-"], text.slice(0, -2));

  expect(status).toBe(2);
  expect(stderr).toMatch(/field apiKey contains a space/);
  expect(broken).toMatchObject({ status: 2, stderr: expect.stringContaining("not JSON") as string });
  expect(stderr + broken.stderr).not.toContain("fake key 1");
});
