import { createServer } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { listen } from "../support/server.ts";
import { StartedCommand } from "./run-harness.ts";

/** Runs the command to its end. */
async function refusal(args: string[], file?: string) {
  const run = new StartedCommand(args, file === undefined ? {} : { file });
  onTestFinished(() => run.remove());
  const { status } = await run.ended();
  return { status, stdout: run.stdout, stderr: run.stderr, left: run.temporaryFiles() };
}

const oneLine = (words: RegExp) => ({
  status: 1,
  stdout: "",
  stderr: expect.stringMatching(new RegExp(`^.*${words.source}.*\n$`)) as string,
  left: [],
});

const account = { username: "fake-user", scope: "fake-scope", apiKey: "fake-key-1" };

describe("npm start rejects a file of connections in one line, with status 1 and without its content", () => {
  it.each([
    ["that is no JSON", `{"one": {"apiKey": "fake-key-1", }}`, /is not JSON/],
    ["that is empty", "", /is not JSON/],
    ["that is an array", JSON.stringify([account]), /must be a JSON object/],
    ["that is null", "null", /must be a JSON object/],
    ["that is one registration and no map of them", JSON.stringify(account), /the value of username must be an object/],
    ["with an entry that is a string", JSON.stringify({ one: "fake-key-1" }), /the value of one must be an object/],
    ["with an entry that is an array", JSON.stringify({ one: [account] }), /the value of one must be an object/],
    ["with an id in capitals", JSON.stringify({ One: account }), /"One" is not a connection id/],
    [
      "with a key as an id, without showing it",
      JSON.stringify({ ["Fake-Key-".repeat(5)]: account }),
      /the name 1 \(a name of 45 characters\) is not a connection id/,
    ],
    ["with an id of 64 characters", JSON.stringify({ ["a".repeat(64)]: account }), /is not a connection id/],
  ])("%s", async (_, file, words) => {
    const ended = await refusal(["--port", "0", "--connections", "FILE"], file);

    expect(ended).toEqual(oneLine(words));
    expect(ended.stderr).not.toContain("fake-key-1");
  });

  it.each(["FILE", "."])("that cannot be read: %s", async (path) => {
    expect(await refusal(["--connections", path])).toEqual(oneLine(/--connections .*: cannot be read/));
  });
});

describe("npm start rejects an option in one line, with status 1", () => {
  it.each([
    [["--api-key", "fake-key-1"], /Unknown option '--api-key'/],
    [["8787"], /Unexpected argument '8787'/],
    [["--port"], /--port/],
    [["--port", "-1"], /--port/],
    [["--port", "65536"], /--port must be a whole number from 0 to 65535/],
    [["--port", "80.5"], /--port must be a whole number from 0 to 65535/],
    [["--port", ""], /--port must be a whole number from 0 to 65535/],
    [["--allow-host", "http://broker.test"], /--allow-host must be a host name or an address without scheme/],
    [["--allow-host", "broker.test:8787"], /--allow-host must be .* It is "broker\.test:8787"/],
    [["--allow-host", "*.test"], /--allow-host must be/],
    [["--allow-host", "broker.test."], /--allow-host must be/],
    [["--allow-host", "fd00::1"], /--allow-host must be .* \[fd00::1\]/],
    [["--allow-host", ""], /--allow-host must be/],
    [["--allow-host", "broker.test", "--allow-host", "user@broker.test"], /--allow-host must be/],
    [["--origin", "localhost:5173"], /--origin must be a scheme and a host/],
    [["--origin", "http://localhost:5173/app"], /--origin must be .* It is "http:\/\/localhost:5173\/app"/],
    [["--origin", "http://localhost:5173", "--callers", "x.json"], /With --callers, add the origin to an entry/],
    [["--log-file", "/nonexistent/broker.log"], /--log-file .*: cannot be written \(ENOENT\)/],
    [["--tick", "0"], /--tick must be a number of seconds/],
    [["--scenario", "toString"], /--scenario must be one of outage, /],
  ])("%j", async (args, words) => {
    expect(await refusal(args)).toEqual(oneLine(words));
  });
});

it("npm start names a port in use in one line, with status 1, and leaves nothing behind", async () => {
  const { url, close } = await listen(createServer());
  onTestFinished(close);
  const { port } = new URL(url);

  const ended = await refusal(["--port", port]);

  expect(ended).toEqual(oneLine(new RegExp(`Port ${port} is in use`)));
});

it("npm start reports a wrong setting of the stacks in one line, also if the list has a JSON Schema", async () => {
  const connections = Array.from({ length: 151 }, (_, index) => `c${index}`);
  const callers = [{ name: "orders", connections, principal: "210987654321" }];
  const list = { $schema: "./callers.schema.json", callers };

  expect(await refusal(["--port", "0", "--callers", "FILE"], JSON.stringify(list))).toEqual(
    oneLine(/orders: connections has more than 150/),
  );
});

it("--help says how to get a key that the simulator accepts, and how to register it", async () => {
  const { stdout } = await refusal(["--help"]);

  expect(stdout).toContain("curl -d username=admin_acme -d scope=acme_alyacme SIMULATOR_URL/_simulator/keys");
  expect(stdout).not.toMatch(/curl.*'/);
  expect(stdout).toContain("npx broker --local connections add acme");
});

it("--help lists every option, both callers and the simulator's switches, with status 0", async () => {
  const { status, stdout, stderr } = await refusal(["--help"]);

  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  for (const word of [
    "--port",
    "--allow-host",
    "--connections",
    "--origin",
    "--log-file",
    "--tick",
    "--scenario",
    "LOCALORDERS",
    "LOCALAUDIT",
    "rate_limited",
    "retryAfter",
  ])
    expect(stdout).toContain(word);
});
