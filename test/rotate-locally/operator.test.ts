import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { StartedCommand } from "../local/run-harness.ts";
import { findProgram } from "../support/programs.ts";
import { logLines, reasonsOf } from "./log.ts";
import { at, awsOperator, type Operator, rotationSwitchedOn, sdkOperator, secretOf } from "./operators.ts";
import { type Polling, startPolling } from "./polling.ts";

const secretId = secretOf("webapicorso");
const account = { username: "fake-user", scope: "fake-scope" };
const fingerprint = (key: string) => createHash("sha256").update(key).digest("hex").slice(0, 16);

// So short that a token is replaced about every 6 s, and memory serves none for longer than 7 s.
const lifetime = 12;
const soon = { timeout: 30_000, interval: 100 };
const long = { timeout: 60_000 };

/** The commands of the page; without the `aws` command, the same calls of the SDK. */
const aws = findProgram("aws");
const operate = aws === undefined ? sdkOperator : awsOperator.bind(null, aws);

describe("While a caller requests a token twice a second,", () => {
  let run: StartedCommand;
  let operator: Operator;
  let caller: Polling;
  let revokedAt = Number.POSITIVE_INFINITY;
  const keys = ["fake-key-1"];
  const versions: string[] = [];

  beforeAll(async () => {
    const file = JSON.stringify({ webapicorso: { ...account, apiKey: keys[0] } });
    run = new StartedCommand(["--port", "0", "--tick", "1", "--connections", "FILE"], { file });
    await run.ready();
    await run.simulator("/_simulator", { lifetime });
    await rotationSwitchedOn(run, ["webapicorso"]);
    operator = operate(run);
    versions.push(at("AWSCURRENT", await labels()));
    caller = startPolling(run, "webapicorso");
    await vi.waitFor(() => expect(caller.polls.length).toBeGreaterThan(1), soon);
  });
  afterAll(async () => {
    operator.close();
    try {
      await caller.stop();
    } finally {
      await run.remove();
    }
  });

  const labels = () => operator.labels(secretId);

  async function stageNewKey(): Promise<string> {
    const { apiKey } = await run.simulator("/_simulator/keys", account);
    keys.push(String(apiKey));
    return operator.stage(secretId, String(apiKey));
  }

  /** Waits until the caller gets a token of a key. */
  async function servedBy(key: string | undefined): Promise<void> {
    await vi.waitFor(() => expect(caller.keyOf(caller.polls.at(-1))).toBe(fingerprint(key ?? "")), soon);
  }

  const logged = () => logLines(run).filter((line) => line["connection"] === "webapicorso");

  it("a staged key becomes current, and the caller gets tokens of it", long, async () => {
    const staged = await stageNewKey();
    const before = await labels();

    versions.push(await operator.rotate(secretId));
    await servedBy(keys[1]);

    expect(before).toEqual({ [version(0)]: ["AWSCURRENT"], [staged]: ["NEXT"] });
    expect(await labels()).toEqual({ [version(0)]: ["AWSPREVIOUS"], [version(1)]: ["AWSCURRENT"] });
  });

  it("the old key can be revoked: API-key requests use the new one", long, async () => {
    const { generation } = caller.polls.at(-1) ?? { generation: 0 };
    // Without the refresh grant, every replacement is an API-key request and uses the key.
    await run.simulator("/_simulator", { mode: "refused", on: "refresh" });
    await run.simulator("/_simulator/keys/revoke", { apiKey: keys[0] });
    revokedAt = performance.now();

    await vi.waitFor(() => expect(caller.polls.at(-1)?.generation).toBeGreaterThan(generation), soon);

    const isByKeySince = (line: Record<string, unknown>) =>
      line["message"] === "replaced" && line["source"] === "api_key" && Number(line["generation"]) > generation;
    await vi.waitFor(() => expect(logged().some(isByKeySince)).toBe(true), soon);
    await run.simulator("/_simulator", { mode: "ok", on: "both" });
  });

  it("a rotation without a next key fails, and reports it by event, log and metric", long, async () => {
    const before = await labels();

    await operator.rotate(secretId);
    await vi.waitFor(() => expect(reasonsOf(run, "webapicorso")).toEqual(["no_next_key"]), soon);

    expect(await labels()).toEqual(before);
    const warning = { level: "WARN", message: "api_key_action_needed", reason: "no_next_key" };
    await vi.waitFor(() => expect(logged()).toContainEqual(expect.objectContaining(warning)), soon);
    const metric = { KeyActionsNeeded: 1, code: "no_next_key" };
    await vi.waitFor(() => expect(logged()).toContainEqual(expect.objectContaining(metric)), soon);
  });

  it("a key that is staged afterwards needs no cleanup: the next rotation uses it", long, async () => {
    await stageNewKey();

    versions.push(await operator.rotate(secretId));
    await servedBy(keys[2]);

    expect(await labels()).toEqual({ [version(1)]: ["AWSPREVIOUS"], [version(2)]: ["AWSCURRENT"] });
    expect(reasonsOf(run, "webapicorso")).toEqual(["no_next_key"]);
  });

  it("one command makes the previous key current again, and the broker uses it", long, async () => {
    await operator.makeCurrent(secretId, version(1), version(2));
    await servedBy(keys[1]);

    expect(await labels()).toEqual({ [version(1)]: ["AWSCURRENT"], [version(2)]: ["AWSPREVIOUS"] });
  });

  it("the caller notices nothing and gets no token of a revoked key", async () => {
    await caller.stop();

    const { polls } = caller;
    expect(polls.filter(({ status, used }) => status !== 200 || used !== 200)).toEqual([]);
    expect(polls.filter((poll) => caller.keyOf(poll) === undefined)).toEqual([]);
    const afterwards = polls.filter((poll) => poll.at > revokedAt);
    expect(afterwards.length).toBeGreaterThan(10);
    expect(afterwards.filter((poll) => caller.keyOf(poll) === fingerprint("fake-key-1"))).toEqual([]);
    expect(new Set(polls.map((poll) => caller.keyOf(poll)))).toEqual(new Set(keys.map(fingerprint)));
  });

  const version = (index: number) => versions[index] ?? "";
});
