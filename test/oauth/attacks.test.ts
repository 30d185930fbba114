import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Attack, attacks } from "./attacks.ts";
import type { Attacker } from "./attacks-jwt.ts";
import { type Answer, oauthRoute, startOAuthBroker, vendorRoute } from "./oauth-broker.ts";
import { fakeCallerKey, portalOrigin, userClaims } from "./callers.ts";
import { startIssuer } from "./issuer.ts";
import { exchange, vendorForm } from "./requests.ts";

let attacker: Attacker;
const everything: string[] = [];
const descriptions = new Map<string, Set<string>>();

beforeAll(async () => {
  attacker = { broker: await startOAuthBroker(), own: await startIssuer() };
  const { broker } = attacker;
  // The table and the function's memory hold every token that an attacker could get.
  const good = [
    await broker.ask(vendorRoute, vendorForm(fakeCallerKey("back-office"), "webapicorso")),
    await broker.ask(vendorRoute, vendorForm(fakeCallerKey("back-office"), "other")),
    await broker.ask(oauthRoute, exchange(broker.issuer.token(userClaims("webapicorso")))),
    await broker.ask(vendorRoute, vendorForm(broker.issuer.token(userClaims("webapicorso"))), { origin: portalOrigin }),
  ];
  expect(good.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
});
afterAll(async () => {
  await attacker?.broker.close();
  await attacker?.own.close();
});

/** The texts of a request that a response must not repeat. */
function textsOf({ sent, headers }: ReturnType<Attack["request"]>): string[] {
  const body = sent.body.length < 100_000 ? sent.body.toString() : "";
  return [body, ...Object.values(headers ?? {})].flatMap((text) => text.match(/[\w-]{24,}/g) ?? []);
}

const isShown = (text: string, { headers, text: body }: Answer) =>
  body.includes(text) || [...headers.values()].some((value) => value.includes(text));

test.each(attacks)(
  "The endpoint rejects $attack ($by) as documented, without unnecessary I/O, and repeats nothing of it",
  async (each) => {
    const { broker, own } = attacker;
    const { by, route, request, answer, accepted, readsTable } = each;
    const made = request(attacker);
    const before = broker.io();

    const got = await broker.ask(route, made.sent, made.headers);

    expect([got.status, got.json.error]).toEqual(answer);
    // For an accepted caller, the endpoint may read the names of its connections.
    if (accepted) expect(broker.io().upstream).toBe(before.upstream);
    else expect(broker.io()).toEqual({ ...before, table: before.table + (readsTable ? 1 : 0) });
    expect(Object.keys(got.json).toSorted()).toEqual(["error", "error_description", "request_id"]);
    expect(textsOf(made).filter((text) => isShown(text, got))).toEqual([]);
    expect(own.requests).toEqual([]);
    everything.push(...textsOf(made));
    if (got.status === 401 || (by === "exchange" && !accepted)) {
      descriptions.set(got.json.error, (descriptions.get(got.json.error) ?? new Set()).add(got.json.error_description));
    }
  },
);

describe("After all attacks", () => {
  test("the keys of the issuer were fetched at most three times in 30 s", () => {
    const { requests } = attacker.broker.issuer;

    // Two documents at the start, and again for two unknown key ids.
    expect(requests.length).toBeLessThanOrEqual(6);
  });

  test("no response says why a credential is not accepted, except that a page must not hold a key", () => {
    expect(descriptions.get("invalid_grant")).toHaveLength(1);
    expect(descriptions.get("invalid_client")).toHaveLength(2);
  });

  test("a caller with a valid key still gets a token", async () => {
    const answer = await attacker.broker.ask(vendorRoute, vendorForm(fakeCallerKey("old-php")));

    expect(answer.status).toBe(200);
  });

  test("the log has nothing of what was sent", async () => {
    const { broker } = attacker;
    await broker.lineOf(await broker.ask(vendorRoute, vendorForm(fakeCallerKey("old-php"))));
    const output = broker.output.join("\n");

    expect(everything.length).toBeGreaterThan(attacks.length);
    expect(everything.filter((text) => output.includes(text))).toEqual([]);
  });
});
