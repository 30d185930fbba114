import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Attack, attacks } from "./attacks.ts";
import type { Lair } from "./attacks-jwt.ts";
import { type Answer, oauthRoute, startOAuthBroker, vendorRoute } from "./oauth-broker.ts";
import { fakeCallerKey, portalOrigin, userClaims } from "./callers.ts";
import { startIssuer } from "./issuer.ts";
import { exchange, vendorForm } from "./requests.ts";

let lair: Lair;
const table: string[] = [];
const everything: string[] = [];
const told = new Map<string, Set<string>>();

beforeAll(async () => {
  lair = { broker: await startOAuthBroker(), own: await startIssuer() };
  const { broker } = lair;
  // Everything that an attacker could get hold of is there, in the table and in the memory of the function.
  const good = [
    await broker.ask(vendorRoute, vendorForm(fakeCallerKey("back-office"), "webapicorso")),
    await broker.ask(vendorRoute, vendorForm(fakeCallerKey("back-office"), "other")),
    await broker.ask(oauthRoute, exchange(broker.issuer.token(userClaims("webapicorso")))),
    await broker.ask(vendorRoute, vendorForm(broker.issuer.token(userClaims("webapicorso"))), { origin: portalOrigin }),
  ];
  expect(good.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
});
afterAll(async () => {
  await lair?.broker.close();
  await lair?.own.close();
  if (process.env["SHOW_TABLE"]) console.log(["| attack | by | answer |", "| --- | --- | --- |", ...table].join("\n"));
});

/** Every text of a request, whole and in parts, that an answer must not repeat. */
function textsOf({ sent, headers }: ReturnType<Attack["request"]>): string[] {
  const body = sent.body.length < 100_000 ? sent.body.toString() : "";
  return [body, ...Object.values(headers ?? {})].flatMap((text) => text.match(/[\w-]{24,}/g) ?? []);
}

const isShown = (text: string, { headers, text: body }: Answer) =>
  body.includes(text) || [...headers.values()].some((value) => value.includes(text));

test.each(attacks)("$attack ($by) is refused as documented, asks for nothing, and is shown nothing", async (each) => {
  const { broker, own } = lair;
  const { attack, by, route, request, answer, accepted } = each;
  const made = request(lair);
  const before = broker.io();

  const got = await broker.ask(route, made.sent, made.headers);

  expect([got.status, got.json.error]).toEqual(answer);
  // Whoever was accepted may have the names of its own connections looked up, and nothing else.
  if (accepted) expect(broker.io().upstream).toBe(before.upstream);
  else expect(broker.io()).toEqual(before);
  expect(Object.keys(got.json).toSorted()).toEqual(["error", "error_description"]);
  expect(textsOf(made).filter((text) => isShown(text, got))).toEqual([]);
  expect(own.requests).toEqual([]);
  everything.push(...textsOf(made));
  table.push(`| ${attack} | ${by} | ${got.status} \`${got.json.error}\` ${got.json.error_description} |`);
  if (got.status === 401 || (by === "api_key" && !accepted)) {
    told.set(got.json.error, (told.get(got.json.error) ?? new Set()).add(got.text));
  }
});

describe("after all of it", () => {
  test("the issuer was asked for its keys at most once in 30 s, whatever was sent", () => {
    const { requests } = lair.broker.issuer;

    // Two documents, when the function started; and once more, for a key id that is not known.
    expect(requests.length).toBeLessThanOrEqual(4);
  });

  test("no answer tells why a credential was not accepted, but that a page must not hold a key", () => {
    expect(told.get("invalid_grant")).toHaveLength(1);
    expect(told.get("invalid_client")).toHaveLength(2);
  });

  test("whoever may ask is still answered", async () => {
    const answer = await lair.broker.ask(vendorRoute, vendorForm(fakeCallerKey("old-php")));

    expect(answer.status).toBe(200);
  });

  test("nothing of what was sent is in the log", async () => {
    const { broker } = lair;
    await broker.lineOf(await broker.ask(vendorRoute, vendorForm(fakeCallerKey("old-php"))));
    const output = broker.output.join("\n");

    expect(everything.length).toBeGreaterThan(attacks.length);
    expect(everything.filter((text) => output.includes(text))).toEqual([]);
  });
});
