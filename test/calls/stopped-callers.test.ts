import { expect, test } from "vitest";
import { sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import { parseCallers } from "../../functions/auth-core/rules/callers/callers.ts";
import {
  entryRecord,
  takesEffectWithin,
  userPseudonym,
  userRecord,
} from "../../functions/auth-core/use-cases/revoked-keys.ts";
import { CallsEndpoint } from "../../functions/calls/edges/endpoint.ts";
import { searchBody } from "../../functions/calls/edges/search.ts";
import { connectionId, testSettings } from "../../fixtures/registration.ts";
import { fakeClaims } from "../oauth/issuer.ts";
import { memoryKeyTables } from "../oauth/key-tables.ts";
import { eventOf } from "../oauth/request-bodies.ts";
import { startWorld } from "../support/world.ts";

const issuer = "https://issuer.test";
const calls = [{ methods: ["GET"], path: "/api/v1/{scope}/CO/*" }];
const listed = [
  { name: "portal", oidc: { issuer, audience: "portal", connectionsClaim: "companies" }, calls },
  {
    name: "back-office",
    connections: ["acme"],
    oidc: { issuer, audience: "office", claims: { role: "clerk" } },
    calls,
  },
];

/** One environment of the function, under a stepped clock. `user` calls for the `sub` of a JWT that both entries match. */
async function startCalls() {
  const world = await startWorld();
  world.register("acme", { apiBaseUrl: "https://api.test" });
  const tables = memoryKeyTables();
  const answered = { kind: "response", headers: {}, body: Buffer.from("{}") } as const;
  const statuses: number[] = [];
  const api = { send: async () => ({ ...answered, status: statuses.shift() ?? 200 }) };
  const ports = { ...world.ports, ...tables, api, search: searchBody };
  let claims: Record<string, unknown> = {};
  const verifier = { verify: async () => ({ kind: "valid" as const, claims }) };
  const endpoint = new CallsEndpoint(parseCallers(listed, testSettings), ports, verifier, testSettings);
  const jwt = `e30.${Buffer.from(JSON.stringify({ iss: issuer })).toString("base64url")}.fake`;

  async function call(sub: string, more: object = {}): Promise<string> {
    claims = { ...fakeClaims(issuer, world.clock.now()), aud: "portal", companies: ["acme"], sub, ...more };
    const path = "api/v1/{scope}/CO/Orders";
    const headers = { authorization: `Bearer ${jwt}` };
    const event = eventOf(`GET /v1/connections/acme/api/${path}`, { headers, body: Buffer.alloc(0) });
    const { status, line } = await endpoint.answer({ ...event, pathParameters: { connection: "acme", path } });
    const user = line.user === userPseudonym({ iss: issuer, sub }) ? sub : "nobody";
    return `${status} ${line.code} ${line.callerRole ?? "nobody"} ${user}`;
  }
  const revoke = (record: string) => tables.revoked.set(record, { name: "fake", at: world.clock.now() });
  return { ...world, revoked: tables.revoked, call, revoke, statuses };
}

test("each user of an entry is a reporter of its own", async () => {
  const { clock, call, item, statuses } = await startCalls();
  await call("ann");
  clock.advance(60);
  statuses.push(401);
  expect(await call("ann")).toBe("200 ok portal ann");

  const reporter = `portal ${userPseudonym({ iss: issuer, sub: "ann" })}`;
  expect(Object.keys((await item(connectionId("acme")))?.rejectionReports ?? {})).toEqual([
    sha256Hex(reporter).slice(0, 16),
  ]);
});

test("a revoked user's calls fail 30 s later in all entries, others' do not, and a restored user calls again", async () => {
  const { clock, call, revoke, revoked } = await startCalls();
  const pseudonym = userPseudonym({ iss: issuer, sub: "ann" });
  const record = userRecord(pseudonym);
  expect(pseudonym).toMatch(/^[0-9a-f]{16}$/);
  const ofOffice = { aud: "office", role: "clerk" };
  const all = async () => [await call("ann"), await call("ann", ofOffice), await call("bob")];
  const before = await all();

  revoke(record);
  clock.advance(takesEffectWithin - 0.1);
  const meanwhile = await all();
  clock.advance(0.1);
  const after = await all();
  revoked.delete(record);
  clock.advance(takesEffectWithin);

  expect(before).toEqual(["200 ok portal ann", "200 ok back-office ann", "200 ok portal bob"]);
  expect(meanwhile).toEqual(before);
  expect(after).toEqual(["401 revoked portal ann", "401 revoked back-office ann", "200 ok portal bob"]);
  expect(await all()).toEqual(before);
});

test("a revoked entry makes no calls 30 s later: a JWT that matches another one uses that", async () => {
  const { clock, call, revoke } = await startCalls();
  const both = { aud: ["portal", "office"], role: "clerk" };
  const all = async () => [await call("ann"), await call("ann", both)];
  const before = await all();

  revoke(entryRecord("portal"));
  clock.advance(takesEffectWithin);

  expect(before).toEqual(["200 ok portal ann", "200 ok portal ann"]);
  expect(await all()).toEqual(["401 revoked portal ann", "200 ok back-office ann"]);
});
