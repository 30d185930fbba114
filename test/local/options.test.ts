import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { helpText, readOptions, UsageError } from "../../local/options.ts";

/** Reads options in which `FILE` stands for the path of a file with this content. The message of the error. */
function refusal(args: string[], content?: string): string {
  const folder = mkdtempSync(join(tmpdir(), "options-test-"));
  const file = join(folder, "file.json");
  if (content !== undefined) writeFileSync(file, content);
  try {
    readOptions(args.map((arg) => (arg === "FILE" ? file : arg)));
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message;
  }
  throw new Error("The options were accepted.");
}

const account = { username: "fake-user", scope: "fake-scope", apiKey: "fake-key-1" };

describe("npm start rejects a file in one line, without its content:", () => {
  it.each([
    ["no JSON", `{"one": {"apiKey": "fake-key-1", }}`, /is not JSON/],
    ["an array", JSON.stringify([account]), /must be a JSON object/],
    ["one registration and no map of them", JSON.stringify(account), /the value of username must be an object/],
    ["an entry that is a string", JSON.stringify({ one: "fake-key-1" }), /the value of one must be an object/],
    ["an id in capitals", JSON.stringify({ One: account }), /"One" is not a connection id/],
    [
      "a key as an id, without showing it",
      JSON.stringify({ ["Fake-Key-".repeat(5)]: account }),
      /the name 1 \(a name of 45 characters\) is not a connection id/,
    ],
  ])("--connections with %s", (_, file, words) => {
    const message = refusal(["--connections", "FILE"], file);

    expect(message).toMatch(words);
    expect(message).not.toMatch(/fake-key-1|\n/);
  });

  it.each([
    ["an array", "[]", /must be a JSON object/],
    ["a switch that does not exist", '{"apiKey": "fake-key-1"}', /unknown switch "apiKey"; known switches: mode, /],
    ["a switch of a prototype", '{"toString": 1}', /unknown switch "toString"/],
    ["a wrong value", '{"lifetime": "fake-key-1"}', /lifetime must be a whole number/],
  ])("--profile with %s", (_, file, words) => {
    const message = refusal(["--profile", "FILE"], file);

    expect(message).toMatch(words);
    expect(message).not.toMatch(/fake-key-1|\n/);
  });

  it.each(["FILE", "."])("one that cannot be read: %s", (path) => {
    expect(refusal(["--connections", path])).toMatch(/^--connections .*: cannot be read \(\w+\)\.$/);
  });
});

describe("npm start rejects an option in one line", () => {
  it.each([
    [["--api-key", "fake-key-1"], /Unknown option '--api-key'/],
    [["8787"], /Unexpected argument '8787'/],
    [["--port"], /--port/],
    [["--port", "65536"], /--port must be a whole number from 0 to 65535/],
    [["--allow-host", "http://broker.test"], /--allow-host must be a host name or an address without scheme/],
    [["--simulator-port", "65536"], /--simulator-port must be a whole number from 0 to 65535/],
    [["--allow-host", "fd00::1"], /--allow-host must be .* \[fd00::1\]/],
    [["--origin", "localhost:5173"], /--origin must be a scheme and a host/],
    [["--origin", "http://localhost:5173/app"], /--origin must be .* It is "http:\/\/localhost:5173\/app"/],
    [["--origin", "http://localhost:5173", "--callers", "x.json"], /With --callers, add the origin to an entry/],
    [["--log-file", "/nonexistent/broker.log"], /--log-file .*: cannot be written \(ENOENT\)/],
    [["--tick", "0"], /--tick must be a number of seconds/],
    [["--scenario", "toString"], /--scenario must be one of outage, /],
  ])("%j", (args, words) => {
    expect(refusal(args)).toMatch(new RegExp(`^.*${words.source}.*$`));
  });
});

it("The help lists every option, both callers and the simulator's switches, and its commands work in every shell", () => {
  const options = "port allow-host connections callers origin log-file tick scenario profile".split(" ");
  for (const word of [
    ...options.map((name) => `  --${name} `),
    "LOCALORDERS",
    "LOCALAUDIT",
    "rate_limited",
    "retryAfter",
  ])
    expect(helpText).toContain(word);
  expect(helpText).not.toMatch(/curl.*'/);
});
