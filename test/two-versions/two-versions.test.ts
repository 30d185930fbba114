import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { dynamoDbTokenTable } from "../../functions/auth-core/adapters/dynamodb.ts";
import { dynamoDbClient } from "../../functions/auth-core/adapters/dynamodb-sdk.ts";
import { encodeItem } from "../../functions/auth-core/adapters/item-codec.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import { partitionOf } from "../../functions/auth-core/rules/tokens/partition.ts";
import { parseRegistration } from "../../functions/auth-core/rules/upstream/registration.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { UpstreamResult } from "../../functions/auth-core/rules/upstream/upstream-response.ts";
import type { KeyTable, Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import { sweep } from "../../functions/token-rotation/use-cases/sweep.ts";
import { fakeUpstream, type UpstreamCall } from "../replacement/fake-upstream.ts";
import { type SteppedClock, steppedClock } from "../support/clock.ts";
import { openCalls } from "../support/turns.ts";
import { fakeTokenSet, fullItem } from "../support/items.ts";
import { connectionId, fakeFields, fakeRegistration, testSettings } from "../../fixtures/registration.ts";
import { startTable, type TestTable } from "../../fixtures/table.ts";
import { keepVersion, keptVersion } from "../../tools/keep-version.ts";

/** What `npm run keep-version` keeps of a version. */
const current = { parseRegistration, Secret, dynamoDbTokenTable, TokenService, sweep };
const builtNow = join(import.meta.dirname, "../../build/previous.mjs");
if (!existsSync(keptVersion)) await keepVersion(builtNow);
const versions = {
  current,
  /** The released version. Before the first release: a copy of this one, so that the test and `npm run keep-version` are ready. */
  previous: (await import(pathToFileURL(existsSync(keptVersion) ? keptVersion : builtNow).href)) as typeof current,
};
type Version = keyof typeof versions;

let stored: TestTable;
let tables: Record<Version, KeyTable>;
let clock: SteppedClock;
let upstream: ReturnType<typeof fakeUpstream>;
let apiKey: string;
let calls: UpstreamCall[];
let connection: ConnectionId;
let made = 0;
const open = openCalls();

beforeEach(async () => {
  stored = await startTable();
  const tableOf = (version: Version) =>
    versions[version].dynamoDbTokenTable(stored.name, dynamoDbClient(stored.config));
  tables = { current: tracked(tableOf("current")), previous: tracked(tableOf("previous")) };
});
afterEach(() => stored.close());
beforeEach(() => {
  clock = steppedClock({ quiet: open.settle });
  const ok = { refresh_token: "ok", api_key: "ok" } as const;
  const more = { sameToken: false, lifetime: 3600, delay: 0 };
  upstream = fakeUpstream(clock, { ...ok, ...more });
  apiKey = "fake-key-1";
  calls = [];
  connection = connectionId(`two-versions-${++made}`);
});

/** The table, with its calls counted: while one is open, the clock stands still. */
function tracked(table: KeyTable): KeyTable {
  const methods = Object.entries(table) as [string, (...args: unknown[]) => Promise<unknown>][];
  return Object.fromEntries(
    methods.map(([name, method]) => [name, (...args: unknown[]) => open.track(() => method(...args))]),
  ) as unknown as KeyTable;
}

/** A new environment of a version: its memory is empty. */
function environment(version: Version) {
  const { parseRegistration: parse, Secret: OwnSecret, TokenService: OwnService, sweep: ownSweep } = versions[version];
  /** An answer with secrets of the version's own class. */
  const own = (result: UpstreamResult): UpstreamResult => {
    if (result.kind !== "tokens") return result;
    const { accessToken, refreshToken, ...tokens } = result.tokens;
    const copy = (secret: Secret) => new OwnSecret(secret.reveal());
    const copies = { accessToken: copy(accessToken), ...(refreshToken && { refreshToken: copy(refreshToken) }) };
    return { ...result, tokens: { ...tokens, ...copies } };
  };
  const ports: Ports = {
    table: tables[version],
    registrations: { read: async () => parse(JSON.stringify({ ...fakeFields, apiKey }), testSettings) },
    upstream: { call: async (request) => own(await upstream.call(request, (call) => calls.push(call))) },
    clock,
    random: () => 0.5,
    newLeaseOwner: () => `${version}-${++made}`,
    notice: () => {},
  };
  const service = new OwnService(ports);
  const bugs: unknown[] = [];
  return {
    get: () => clock.passUntil(service.get(connection, { minTtl: 60 })),
    async sweep() {
      const shard = { shard: partitionOf(connection), shards: 16 };
      const summary = await clock.passUntil(ownSweep(ports, shard, (error) => bugs.push(error)));
      expect(bugs).toEqual([]);
      return summary;
    },
  };
}

const tokenOf = async (answer: Promise<Awaited<ReturnType<TokenService["get"]>>>) => {
  const got = await answer;
  return got.kind === "token" ? `${got.set.accessToken.reveal()} from ${got.source}` : got.failure.code;
};
const grants = () => calls.map(({ grant }) => grant);

describe.each<[Version, Version]>([
  ["previous", "current"],
  ["current", "previous"],
])("What the %s version stored", (writer, reader) => {
  it(`is served by the ${reader} version`, async () => {
    expect(await tokenOf(environment(writer).get())).toBe("fake-access-1 from upstream");
    expect(await tokenOf(environment(reader).get())).toBe("fake-access-1 from table");
  });

  it(`is replaced by the ${reader} version with its refresh token when it is due, and the ${writer} version serves that`, async () => {
    await environment(writer).get();
    clock.advance(1900);

    expect(await environment(reader).sweep()).toMatchObject({ replaced: 1, failed: 0 });
    expect(await tokenOf(environment(writer).get())).toBe("fake-access-2 from table");
    expect(grants()).toEqual(["api_key", "refresh_token"]);
  });

  it(`keeps the ${reader} version waiting while it is leased`, async () => {
    upstream.upstreamScenario.delay = 3;
    const answers = [environment(writer).get(), environment(reader).get()];

    expect((await Promise.all(answers.map(tokenOf))).map((text) => text.split(" ")[0])).toEqual([
      "fake-access-1",
      "fake-access-1",
    ]);
    expect(grants()).toEqual(["api_key"]);
  });

  it(`keeps the ${reader} version from calling upstream during a backoff, and until then only`, async () => {
    upstream.upstreamScenario.api_key = "down";
    expect(await tokenOf(environment(writer).get())).toBe("upstream_unavailable");
    const attempts = calls.length;
    expect(await tokenOf(environment(reader).get())).toBe("upstream_unavailable");
    expect(calls).toHaveLength(attempts);

    upstream.upstreamScenario.api_key = "ok";
    clock.advance(120);
    expect(await tokenOf(environment(reader).get())).toMatch(/^fake-access-\d+ from upstream$/);
  });

  it(`includes the retiring key, which the ${reader} version changes and removes`, async () => {
    await environment(writer).get();
    const { keyFingerprint } = fakeRegistration({ apiKey });
    apiKey = "fake-key-2";
    clock.advance(1900);
    await environment(writer).sweep();

    const entry = (await tables[reader].read(connection, "strong"))?.retiringKeys?.[keyFingerprint];
    const announced = entry && { ...entry, announcedAt: 1_800_000_000 };
    expect(entry?.end).toBeGreaterThan(clock.now());
    expect(entry && (await tables[reader].changeKey(connection, keyFingerprint, entry, announced))).toBe(true);
    expect((await tables[writer].read(connection, "strong"))?.retiringKeys).toEqual({ [keyFingerprint]: announced });
    expect(announced && (await tables[writer].changeKey(connection, keyFingerprint, announced, undefined))).toBe(true);
  });
});

it("Every field that the previous version reads has the same name and value in the current one", async () => {
  const item = fullItem(connection);
  /** The item as a version writes it, and as each version reads it. */
  const written = async (writer: Version) => {
    const { connection: id, leaseOwner, generation } = encodeItem(item);
    await stored.put({ connection: id, leaseOwner, generation, retiringKeys: { M: {} } } as Parameters<
      TestTable["put"]
    >[0]);
    const table = tables[writer];
    expect(await table.write(item, { owner: "owner-1", generation: 17 })).toBe(true);
    await table.claimRegistrationCheck(connection, 1_800_000_000, 1_800_000_000);
    await table.claimRotationCheck(connection, 1_800_000_000, 1_800_000_000);
    const read = async (reader: Version) =>
      JSON.parse(JSON.stringify(await tables[reader].read(connection, "strong"))) as object;
    return { previous: await read("previous"), current: await read("current") };
  };
  const known = await written("previous");
  const now = await written("current");

  expect(known.current).toMatchObject(known.previous);
  expect(now.previous).toEqual(known.previous);
  expect(now.current).toMatchObject(known.previous);
});

describe("An attribute that this version does not know", () => {
  const now = 1_800_000_000;
  const key = "0123456789abcdef";
  const fence = { owner: "owner-1", generation: 17 };
  const next = (tokenSet?: ConnectionItem["tokenSet"]): ConnectionItem => ({
    connection,
    generation: 18,
    failures: 0,
    ...(tokenSet && { tokenSet }),
  });
  const { retiringKeys = {} } = fullItem(connectionId("fake"));

  it.each<[keyof KeyTable, () => Promise<unknown>]>([
    ["takeLease", () => tables.current.takeLease(connection, lease({ generation: 17, failures: 3 }))],
    ["write", () => tables.current.write(next(fakeTokenSet()), fence, { [key]: undefined })],
    ["write", () => tables.current.write(next(), fence)],
    ["release", () => tables.current.release(connection, "owner-1")],
    ["noteKey", () => tables.current.noteKey(connection, "00000000000000aa", { since: now })],
    ["changeKey", () => tables.current.changeKey(connection, key, retiringKeys[key] ?? { since: 0 }, undefined)],
    ["reschedule", () => tables.current.reschedule(connection, now + 1800.5, undefined)],
    ["makeDue", () => tables.current.makeDue(connection, now + 60)],
    ["claimRegistrationCheck", () => tables.current.claimRegistrationCheck(connection, now + 60, now + 60)],
    ["claimRotationCheck", () => tables.current.claimRotationCheck(connection, now + 60, now + 60)],
  ])("survives %s", async (_, act) => {
    const unknown = { S: "fake" };
    await stored.put({ ...encodeItem(fullItem(connection)), unknown, partition: { N: "0" } });
    const before = await stored.raw(connection);

    expect(await act()).not.toBe(false);

    const after = await stored.raw(connection);
    expect(after).not.toEqual(before);
    expect(after?.["unknown"]).toEqual(unknown);
  });

  const lease = (version: { generation: number; failures: number }) => ({
    expected: { ...version, attemptedAt: now + 0.001 },
    owner: "owner-2",
    now: now + 60,
    until: now + 75,
  });
});

/** Without these there is no item or no token set; every version wrote them. */
const always = new Set(["connection", "generation", "failures", "accessToken", "accessTokenExpiresAt"]);

it.each(Object.keys(encodeItem(fullItem(connectionId("fake")))).filter((name) => !always.has(name)))(
  "Without the attribute %s, as an earlier version may have left it, an item is served and replaced",
  async (name) => {
    const free = { leaseUntil: clock.now(), retryAt: clock.now() };
    const { [name]: _, ...attributes } = encodeItem({ ...fullItem(connection), ...free });
    await stored.put({
      ...attributes,
      accessToken: { S: "fake-access-0" },
      partition: { N: String(partitionOf(connection)) },
    });

    expect(await tokenOf(environment("current").get())).toBe("fake-access-0 from table");
    clock.advance(7200);
    await environment("current").sweep();
    expect(await tokenOf(environment("current").get())).toMatch(/^fake-access-[1-9] from/);
  },
);
