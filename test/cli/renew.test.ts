import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { awaitReplacement, maxReplacementSeconds } from "../../cli/connections/await-replacement.ts";
import { makeDue } from "../../cli/connections/make-due.ts";
import type { Deployment } from "../../cli/deployment/deployment.ts";
import { encodeItem } from "../../functions/auth-core/adapters/item-codec.ts";
import { steppedClock } from "../support/clock.ts";
import { memoryTable } from "../../fixtures/memory-table.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { addCommand, LocalBroker } from "./harness.ts";

// A minute of the schedule lasts a second: shorter ones keep a busy machine busy with sweeps.
const local = new LocalBroker(["--tick", "1"]);
/** Requests a token. On a busy machine the table of the run can miss its timeout: then a caller requests again. */
const requested = (id: string, status: number) =>
  vi.waitFor(async () => expect((await local.broker(["token", "get", id])).status).toBe(status), 20_000);

beforeAll(async () => {
  await local.start();
  await local.add("acme");
  await requested("acme", 0);
});
afterAll(() => local.remove());

test("connections renew --wait reports the new token", async () => {
  const renewed = await local.broker(["connections", "renew", "acme", "--wait"]);
  const again = await local.json<object>(["connections", "renew", "acme", "--wait"]);

  expect(renewed.stdout).toMatch(
    /^Replaced the tokens of acme: generation 2, valid until (\d+ [A-Z]\w+, )?\d\d:\d\dZ\.\n$/,
  );
  expect(again).toMatchObject({ connection: "acme", due: true, replaced: true, generation: 3 });
});

test.each([
  [
    "refused",
    4,
    "credentials_rejected",
    /rejected the API key \(HTTP 401\)\..* See npx broker status acme --local-url /,
  ],
  ["unavailable", 5, "upstream_unavailable", /is unavailable \(HTTP 503\)\. See npx broker status acme /],
])(
  "connections renew --wait fails with the cause of a failed replacement: %s",
  async (mode, exitCode, code, message) => {
    await local.scenario({ mode });
    const result = await local.broker(["connections", "renew", "acme", "--wait", "--json"]);
    await local.scenario({ mode: "ok" });

    expect({ ...result, stderr: "" }).toMatchObject({ status: exitCode, stdout: "" });
    const { error, ...members } = JSON.parse(result.stderr) as Record<string, unknown>;
    expect(error).toMatch(message);
    expect(members).toEqual({ exit_code: exitCode, code });
  },
);

test("keys stage --wait reports the token that the new key got", async () => {
  await local.json([...addCommand("fixed"), "--skip-exchange"], "fake-key-1");
  await requested("fixed", 4);
  const stage = ["keys", "stage", "fixed", "--key-file", "-", "--wait"];

  const { stdout } = await local.broker(stage, await local.issueKey("fixed"));
  const again = await local.json<object>(stage, await local.issueKey("fixed"));

  expect(stdout).toMatch(
    /^The new key of fixed \S+ is current\.\nThe event .*\nReplaced the tokens of fixed: generation \d, /,
  );
  expect(again).toMatchObject({ connection: "fixed", rotated: true, replaced: true, generation: expect.any(Number) });
});

test("connections renew --wait says so if the connection has no token yet", async () => {
  await local.add("unused");

  const { stdout } = await local.broker(["connections", "renew", "unused", "--wait"]);

  expect(stdout).toMatch(/^unused has no token yet\. Get one: npx broker token get unused /);
});

test("connections renew fails if other replacements run for the whole wait", async () => {
  const clock = steppedClock();
  const { port: table, put } = memoryTable();
  const leased = { leaseOwner: "other", leaseUntil: clock.now() + 60, attemptedAt: clock.now() };
  await put({ ...encodeItem({ connection: connectionId("acme"), failures: 0, generation: 1, ...leased }) });

  const made = makeDue({} as Deployment, connectionId("acme"), { table, clock });

  await expect(clock.passUntil(made)).rejects.toThrow(
    "Replacements of acme were running for 20 s, so it is not due. Retry in a minute.",
  );
});

test("awaitReplacement returns nothing if no replacement starts in time", async () => {
  const clock = steppedClock();
  const { port: table } = memoryTable();
  const startedAt = clock.now();

  const awaited = awaitReplacement({ table, clock, every: 1 }, connectionId("acme"), undefined);

  expect(await clock.passUntil(awaited)).toBeUndefined();
  expect(clock.now() - startedAt).toBe(maxReplacementSeconds);
});
