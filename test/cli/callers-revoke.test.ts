import { DeleteItemCommand, DynamoDBClient, PutItemCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dynamoDbClient } from "../../functions/auth-core/adapters/dynamodb-sdk.ts";
import { callerKeyHash } from "../../functions/auth-core/rules/callers/caller-key.ts";
import { callersMetadata } from "../../functions/auth-core/rules/callers/deployed-callers.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { writableRevokedKeys } from "../../functions/auth-core/adapters/revoked-key-table.ts";
import { entryRecord, userPseudonym, userRecord } from "../../functions/auth-core/use-cases/revoked-keys.ts";
import type { Deployment } from "../../cli/deployment/deployment.ts";
import { operator, region, StartedCommand } from "../local/run-harness.ts";
import { fakeCallerKey } from "../oauth/callers.ts";
import { vendorForm } from "../oauth/requests.ts";
import { awsEnvironment, stacksOf, startAwsStandIn, type StandIn } from "./aws-stand-in.ts";
import { broker, expectError } from "./harness.ts";

const hashOf = (name: string) => callerKeyHash(new Secret(fakeCallerKey(name)));
const connections = ["webapicorso"];
const issuer = "https://users.test";
const calls = [{ methods: ["GET"], path: "/api/v1/{scope}/CO/**" }];
const list = [
  ...["leaked", "good", "asked"].map((name) => ({ name, connections, keySha256: [hashOf(name)] })),
  { name: "two-keys", connections, keySha256: [hashOf("first"), hashOf("second")] },
  { name: "three-keys", connections, keySha256: [hashOf("third"), hashOf("fourth")] },
  { name: "agent", connections, keySha256: [hashOf("agent")], calls },
  { name: "ci", connections, oidc: { issuer: "https://issuer.test", audience: "fake", claims: { sub: "fake" } } },
  ...["portal", "shop"].map((name) => ({
    name,
    oidc: { issuer, audience: name, connectionsClaim: "companies" },
    calls,
  })),
];

let run: StartedCommand;
let deployment: Deployment;
beforeAll(async () => {
  run = new StartedCommand(["--port", "0", "--callers", "FILE"], { file: JSON.stringify(list) });
  await run.ready();
  deployment = (await (await fetch(`${run.url("ready")}/_local/deployment`)).json()) as Deployment;
});
afterAll(() => run.remove());

const local = () => ["--local-url", run.url("ready")];
const revoke = (...args: string[]) => broker(["callers", "revoke", ...args, ...local()]);
const dynamoDb = () => ({ endpoint: run.url("dynamodb"), region, credentials: operator });
const table = () => writableRevokedKeys(deployment.tableName, dynamoDbClient(dynamoDb()));
const isRevoked = async (name: string) => (await table().read()).has(hashOf(name));

/** A token request of the vendor's API with a caller key. */
async function vendor(name: string) {
  const { headers, body } = vendorForm(fakeCallerKey(name));
  const url = `${run.url("ready")}/api/v1/auth/token`;
  const response = await fetch(url, { method: "POST", headers, body: new Uint8Array(body) });
  return { status: response.status, ...((await response.json()) as { error?: string }) };
}

// docs/restoring.md says both. The first test of the file, because it deletes what the others store.
test("A table that lost its items grows again from the secrets, without the revoked keys", async () => {
  expect((await broker(["callers", "revoked", ...local()])).stdout).toBe("Nothing is revoked.\n");
  const before = (await broker(["token", "get", "webapicorso", ...local()])).stdout;
  await revoke("gone", "--key-sha256", hashOf("gone"), "--yes");
  const client = new DynamoDBClient(dynamoDb());
  const { Items = [] } = await client.send(new ScanCommand({ TableName: deployment.tableName }));
  for (const { connection } of Items) {
    if (connection === undefined) continue;
    await client.send(new DeleteItemCommand({ TableName: deployment.tableName, Key: { connection } }));
  }

  // Reported as rejected, so that no memory serves it.
  const reject = ["token", "reject", "webapicorso", "--token-file", "-", "--json"];
  const { stdout } = await broker([...reject, ...local()], { stdin: before });

  const { access_token: token, generation } = JSON.parse(stdout) as { access_token: string; generation: number };
  expect(Items).toHaveLength(2);
  expect(generation).toBe(1);
  expect(`${token}\n`).not.toBe(before);
  expect(await isRevoked("gone")).toBe(false);
});

describe("broker callers revoke", () => {
  test("revokes the key of a caller: the function rejects it, and accepts the others", async () => {
    const { status, stdout, stderr } = await revoke("leaked", "--yes");

    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(
      /^Revoked 1 key of leaked\. From (\d+ [A-Z]\w+, )?\d\d:\d\d:\d\dZ on, the broker rejects every request with it\.\nAccess tokens .* expire: by (\d+ [A-Z]\w+, )?[\d:]{8}Z if they last an hour\.\nNext: create a key \(npx broker callers key leaked --local-url \S+\), replace the hash in the list, restart npm start with it, then hand over the key\.\n$/,
    );
    // A change of the list starts the function anew: then it reads the revoked keys again, before 30 s have passed.
    const added = await broker(["callers", "add", "new-one", "--connections", "webapicorso", "--local", ...local()]);
    expect(added.status).toBe(0);
    expect(await vendor("leaked")).toMatchObject({ status: 401, error: "invalid_client" });
    expect(await vendor("good")).toMatchObject({ status: 200 });
  });

  test("revokes all keys of a caller, says which with --json, and changes nothing the second time", async () => {
    const startedAt = Date.now();
    const first = await revoke("two-keys", "--yes", "--json");
    const before = await table().read();
    const second = await revoke("two-keys", "--yes", "--json");
    const again = await revoke("two-keys", "--yes");

    const both = [hashOf("first"), hashOf("second")];
    const { effective_at: effectiveAt, ...result } = JSON.parse(first.stdout) as { effective_at: string };
    expect(result).toEqual({ name: "two-keys", revoked: both, already_revoked: [] });
    expect(Date.parse(effectiveAt) - startedAt).toBeGreaterThanOrEqual(30_000);
    expect(Date.parse(effectiveAt) - Date.now()).toBeLessThanOrEqual(31_000);
    expect(before.get(hashOf("first"))?.name).toBe("two-keys");
    expect(JSON.parse(second.stdout)).toMatchObject({ revoked: [], already_revoked: both });
    expect(again.stdout).toMatch(/^Nothing was changed: 2 keys of two-keys had been revoked before\./);
    expect(await table().read()).toEqual(before);
  });

  test("says nothing of tokens if the caller makes calls: it has none", async () => {
    const { stdout } = await revoke("agent", "--yes");

    expect(stdout).toMatch(/^Revoked 1 key of agent\. .* rejects every request with it\.\nNext: create a key /);
    expect(await isRevoked("agent")).toBe(true);
  });

  test("revokes only the key with the hash in --key-sha256, which need not be deployed", async () => {
    const one = await revoke("three-keys", "--key-sha256", hashOf("third").toUpperCase(), "--yes");
    const other = await revoke("old-php", "--key-sha256", hashOf("not-deployed"), "--yes");

    expect([one.status, other.status]).toEqual([0, 0]);
    // A hash of another text than the key would revoke nothing that is in use.
    const warning = "No deployed caller has a key with this hash, so no caller loses access.";
    expect([one.stdout.includes(warning), other.stdout.includes(warning)]).toEqual([false, true]);
    expectError(await revoke("old-php", "--key-sha256", hashOf("typo")), 2, /SHA-256 [0-9a-f]{12}…, not deployed\)\? /);
    expect([await isRevoked("third"), await isRevoked("fourth"), await isRevoked("not-deployed")]).toEqual([
      true,
      false,
      true,
    ]);
  });

  test.each<[string, string[], number, RegExp]>([
    [
      "an unknown name",
      ["nobody", "--yes"],
      3,
      /No deployed caller has this name\. Callers with a key or calls: leaked, .*, agent, portal, shop, /,
    ],
    ["the name of an inherited property", ["constructor", "--yes"], 3, /No deployed caller has this name/],
    ["an entry with oidc", ["ci", "--yes"], 2, /ci has no caller key: it sends JWTs\. Disable it at its issuer/],
    [
      "a key in place of a hash",
      ["good", "--key-sha256", fakeCallerKey("good"), "--yes"],
      2,
      /must be the SHA-256 of a caller key/,
    ],
    [
      "a hash of another caller",
      ["asked", "--key-sha256", hashOf("good"), "--yes"],
      2,
      /deployed for good, not for asked/,
    ],
    [
      "--user and a caller with a key",
      ["good", "--user", "ann", "--yes"],
      2,
      /^error: good has no oidc with calls, and so no users that can be revoked\. Such entries: portal, shop\.\n$/,
    ],
    ["--user and an unknown name", ["nobody", "--user", "ann", "--yes"], 3, /No deployed entry with oidc and calls/],
    [
      "an empty --user",
      ["portal", "--user", "", "--yes"],
      2,
      /--user is empty\. Set the JWT's sub, or the user's pseudonym/,
    ],
    ["--user with --key-sha256", ["portal", "--user", "a", "--key-sha256", "b", "--yes"], 2, /cannot be used with/],
    [
      "no confirmation of an entry with calls",
      ["portal"],
      2,
      /Revoke portal\? All calls of portal fail within 30 s; .*--yes/,
    ],
    ["no confirmation", ["asked"], 2, /Revoke 1 key of asked \(SHA-256 [0-9a-f]{12}…\)\? .*--yes/],
  ])("fails for %s, in one line, and revokes nothing", async (_, args, code, message) => {
    const before = await table().read();

    const result = await revoke(...args);

    expectError(result, code, message);
    expect(result.stderr).not.toContain("stb_");
    expect(await table().read()).toEqual(before);
  });
});

describe("broker callers revoke and restore, of an entry with oidc and calls,", () => {
  const restore = (...args: string[]) => broker(["callers", "restore", ...args, ...local()]);
  const parsed = ({ stdout }: { stdout: string }) => JSON.parse(stdout) as Record<string, unknown>;
  const pseudonym = userPseudonym({ iss: issuer, sub: "ann@example.com" });
  const effective_at = expect.stringMatching(/Z$/) as string;

  test("stop it and undo that, by one record, and change nothing the second time", async () => {
    const revoked = await revoke("portal", "--yes");
    const again = await revoke("portal", "--yes", "--json");
    const listed = await broker(["callers", "revoked", ...local()]);
    const restored = await restore("portal");
    const restoredAgain = await restore("portal", "--json");

    expect(revoked.stdout).toMatch(
      /^Revoked portal\. From (\d+ [A-Z]\w+, )?[\d:]{8}Z on, the broker rejects every call of portal with 401\. One that has begun may still succeed\.\nUndo it: npx broker callers restore portal --local-url \S+\n$/,
    );
    expect(parsed(again)).toEqual({
      name: "portal",
      revoked: [],
      already_revoked: ["entry:portal"],
      effective_at,
    });
    expect(restored.stdout).toMatch(
      /^Restored portal\. From (\d+ [A-Z]\w+, )?[\d:]{8}Z on at the latest, the broker accepts calls of/,
    );
    expect(parsed(restoredAgain)).toEqual({ name: "portal", restored: [], effective_at });
    expect(listed.stdout).toMatch(/^\d{4}-[\d-]+T[\d:]{8}Z {2}entry:portal \(portal\)\n/m);
    expect((await table().read()).has(entryRecord("portal"))).toBe(false);
  });

  test("stop one user by the sub or by the pseudonym of the log, and print no sub", async () => {
    const bySub = await revoke("portal", "--user", "ann@example.com", "--yes", "--json");
    const byPseudonym = await revoke("shop", "--user", pseudonym, "--yes");
    const restored = await restore("shop", "--user", pseudonym, "--json");

    const record = userRecord(pseudonym);
    // A sub can have 16 hex digits too: both are stopped.
    const asSub = userRecord(userPseudonym({ iss: issuer, sub: pseudonym }));
    expect(parsed(bySub)).toMatchObject({ user: pseudonym, revoked: [record], already_revoked: [] });
    expect(byPseudonym.stdout).toContain(`Revoked the user ${pseudonym} in all entries with calls.`);
    expect(parsed(restored)).toMatchObject({ user: pseudonym, restored: [record, asSub] });
    expect(bySub.stdout + bySub.stderr).not.toContain("ann");
    const left = await table().read();
    expect([record, asSub].filter((each) => left.has(each))).toEqual([]);
  });

  test("a revoked key cannot be restored", async () => {
    expectError(
      await restore("two-keys"),
      2,
      /^error: A revoked key stays revoked\. Create another: npx broker callers key two-keys --local-url \S+\n$/,
    );
  });
});

describe("broker callers revoke, on AWS,", () => {
  const aws: StandIn = { stacks: {} };
  let standIn: Awaited<ReturnType<typeof startAwsStandIn>>;
  beforeAll(async () => {
    standIn = await startAwsStandIn(aws);
    aws.stacks = await stacksOf(run.url("ready"));
  });
  afterAll(() => standIn.close());
  const onAws = (...args: string[]) =>
    broker(["callers", "revoke", ...args], {
      env: awsEnvironment(standIn.url, { AWS_ENDPOINT_URL_DYNAMODB: run.url("dynamodb") }),
    });

  test("finds the deployed keys in the metadata of the template", async () => {
    aws.metadata = { [callersMetadata]: { deployed: { kind: "key", keySha256: [hashOf("deployed")] } } };

    const { status, stderr } = await onAws("deployed", "--yes");

    expect([status, stderr]).toEqual([0, ""]);
    expect(await isRevoked("deployed")).toBe(true);
    expectError(await onAws("good", "--yes"), 3, /Callers with a key or calls: deployed\./);
  });

  test("fails for an entry with principal, and says what to do instead", async () => {
    aws.metadata = { [callersMetadata]: { orders: { kind: "principal" } } };

    expectError(
      await onAws("orders", "--yes"),
      2,
      /orders has no caller key: it assumes a role\. Deny the role in IAM/,
    );
    expectError(await onAws("nobody", "--yes"), 3, /No caller has a key or calls\./);
  });

  test("forgets the oldest keys that left the list if there are too many, and fails if none left it", async () => {
    const hashes = Array.from({ length: 998 }, (_, index) => index.toString(16).padStart(64, "0"));
    // Entries and users are no keys: nothing but restore forgets them.
    const others = [entryRecord("gone"), userRecord("0123456789abcdef")];
    const revokedKeys = [...others, ...hashes].map(
      (hash, at) => [hash, { M: { name: { S: "fake" }, at: { N: String(at) } } }] as const,
    );
    const client = new DynamoDBClient(dynamoDb());
    const Item = { connection: { S: "#revoked-caller-keys" }, revokedKeys: { M: Object.fromEntries(revokedKeys) } };
    await client.send(new PutItemCommand({ TableName: deployment.tableName, Item }));
    const deployed = { good: { kind: "key", keySha256: [hashOf("good")] }, fake: { kind: "key", keySha256: hashes } };

    aws.metadata = { [callersMetadata]: deployed };
    expectError(
      await onAws("good", "--yes"),
      1,
      /at most 1000 revoked keys, .* all of these keys are still in the deployed list\./,
    );
    expect((await table().read()).size).toBe(1000);
    aws.metadata = { [callersMetadata]: { ...deployed, fake: { kind: "key", keySha256: hashes.slice(0, 1) } } };
    const { status } = await onAws("good", "--yes");

    const kept = [...(await table().read()).keys()];
    expect(status).toBe(0);
    expect(kept.toSorted()).toEqual([...others, ...hashes.slice(0, 1), ...hashes.slice(51), hashOf("good")].toSorted());
  });

  test.each([undefined, {}])("fails if an older version is deployed: metadata %j", async (metadata) => {
    if (metadata) aws.metadata = metadata;
    else delete aws.metadata;

    expectError(await onAws("good", "--yes"), 3, /do not list their callers\. Deploy this version/);
  });
});
