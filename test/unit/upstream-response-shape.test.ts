import { inspect } from "node:util";
import fc from "fast-check";
import { expect, it } from "vitest";
import {
  describeShape,
  parseTokenResponse,
  type UpstreamTokens,
} from "../../functions/auth-core/rules/upstream/upstream-response.ts";
import { jwt, now } from "./examples.ts";

const parse = (body: string) => parseTokenResponse({ status: 200, sentAt: now - 1, receivedAt: now, body });

/** What was read, in plain text. */
function read(body: string) {
  const answer = parse(body);
  if (answer.kind !== "tokens") return answer;
  const { accessToken, refreshToken, ...rest } = answer.tokens satisfies UpstreamTokens;
  return { access: accessToken.reveal(), refresh: refreshToken?.reveal(), ...rest };
}

const token = jwt({ sub: "fake" });

it.each([
  ["access_token", '{"access_token":"fake-access-1"}'],
  ["id_token", '{"id_token":"fake-access-1"}'],
  ["an envelope named result", '{"result":{"accessToken":"fake-access-1"}}'],
  ["an envelope named response", '{"ok":true,"response":{"token":"fake-access-1"}}'],
  ["a JSON string", '"fake-access-1"'],
  ["a Bearer prefix in small letters", '"bearer  fake-access-1"'],
  ["white space around it", '{"access_token":" fake-access-1\\n"}'],
  ["a byte-order mark and white space", '\uFEFF \n"fake-access-1"'],
])("parseTokenResponse reads a token with %s", (_, body) => {
  expect(read(body)).toMatchObject({ access: "fake-access-1", sentAt: now - 1 });
});

it.each([
  ["between white space", `\n ${token}\r\n`],
  ["after Bearer", `Bearer ${token}`],
])("parseTokenResponse reads a JWT as text, %s", (_, body) => {
  expect(read(body)).toMatchObject({ access: token });
});

it("parseTokenResponse keeps the word Bearer within a token", () => {
  expect(read('"fake-Bearer"')).toMatchObject({ access: "fake-Bearer" });
});

it("parseTokenResponse prefers names in their order, the top level to an envelope, and one envelope to the next", () => {
  expect(read('{"id_token":"d","token":"c","accessToken":"b","access_token":"a"}')).toMatchObject({ access: "a" });
  expect(read('{"id_token":"d","token":"c","accessToken":"b"}')).toMatchObject({ access: "b" });
  expect(read('{"id_token":"d","token":"c"}')).toMatchObject({ access: "c" });
  expect(read('{"data":{"access_token":"inside"},"id_token":"outside"}')).toMatchObject({ access: "outside" });
  expect(read('{"response":{"token":"c"},"result":{"token":"b"},"data":{"token":"a"}}')).toMatchObject({ access: "a" });
  expect(read('{"access_token":null,"token":"fake-access-1"}')).toMatchObject({ access: "fake-access-1" });
});

it.each([
  ["the standard's words", '"refresh_token":"r","expires_in":60,"refresh_expires_in":120'],
  ["camel case", '"refreshToken":"r","expiresIn":60,"refreshExpiresIn":120'],
  ["digits in strings", '"refresh_token":"Bearer r","expires_in":" 60","refresh_expires_in":"120 "'],
])("parseTokenResponse reads the members beside the token in %s", (_, fields) => {
  const expected = { refresh: "r", lifetime: 60, refreshLifetime: 120 };
  expect(read(`{"access_token":"a",${fields}}`)).toMatchObject(expected);
  expect(read(`{"data":{"access_token":"a",${fields}}}`)).toMatchObject(expected);
});

it.each([
  ["other types", '"refresh_token":{},"expires_in":[60],"refresh_expires_in":true,"scope":["a"]'],
  ["a scope that would control a terminal", String.raw`"scope":"fake\u001b]52;c;ZmFrZQ==\u0007"`],
  ["words", '"refresh_token":"two words","expires_in":"soon","refresh_expires_in":"1e3","scope":1'],
  ["a refresh lifetime of 0", '"refresh_expires_in":0'],
])("parseTokenResponse ignores members beside the token that are %s", (_, fields) => {
  expect(read(`{"access_token":"a",${fields}}`)).toEqual({
    access: "a",
    refresh: undefined,
    sentAt: now - 1,
    lifetime: 3600,
  });
});

it("parseTokenResponse takes the scope from the response, else from the token, else from nowhere", () => {
  const scoped = jwt({ scope: "from-token" });

  expect(read(`{"access_token":"${scoped}","scope":"from-response"}`)).toMatchObject({ scope: "from-response" });
  expect(read(`{"access_token":"${scoped}"}`)).toMatchObject({ scope: "from-token" });
  expect(read('{"access_token":"a"}')).not.toHaveProperty("scope");
});

it("parseTokenResponse limits the lifetime of a refresh token to ten years, which the table can store", () => {
  expect(read('{"access_token":"a","refresh_expires_in":1e300}')).toMatchObject({ refreshLifetime: 315_360_000 });
});

it.each([
  ["", "an empty body"],
  ["\uFEFF \n", "an empty body"],
  ["<html>fake</html>", "markup of 17 characters"],
  ['{"access_token":"fake', "incomplete JSON of 21 characters"],
  ['"Bearer "', "a JSON string that is not a token"],
  ["null", "null"],
  ['["fake"]', "array(1)"],
  ['{"error":"invalid","code":7}', "{error: string, code: number}"],
  ['{"access_token":"Bearer"}', "{access_token: string}"],
  ['{"access_token":"fàke"}', "{access_token: string}"],
  ['{"payload":{"access_token":"fake"}}', "{payload: {access_token}}"],
  ['{"data":[{"access_token":"fake"}]}', "{data: array(1)}"],
  ['{"fake.key":1,"9":2,"two words":3}', "{?: number, ?: number, ?: number}"],
  ["a.b.c", "text of 5 characters"],
  [`"${token}`, `text of ${token.length + 1} characters`],
  [`${token}"`, `text of ${token.length + 1} characters`],
])("parseTokenResponse calls %j malformed, and describes it without a value", (body, shape) => {
  expect(parse(body)).toEqual({ kind: "malformed", shape });
});

it("describeShape shows twelve keys of a large object and no more", () => {
  const large = Object.fromEntries(Array.from({ length: 13 }, (_, index) => ["k".repeat(index + 1), index]));

  expect(describeShape(large)).toMatch(/^\{k: number, .*, k{12}: number, …\}$/);
});

const value = fc.uuid().map((id) => `fake-value-${id}`);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    value,
    fc.constantFrom(null, true),
    fc.array(tie("tree"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("access_token", "token", "data", "result", "error", "a b"), tie("tree")),
    // A map whose keys are the values.
    fc.dictionary(
      fc.uuid().map((id) => `fake.value-${id}`),
      tie("tree"),
    ),
  ),
}));

it("parseTokenResponse never shows a value of the response", () => {
  const asJson = tree.map((json) => JSON.stringify(json));
  const body = fc.oneof(
    asJson,
    asJson.map((text) => text.slice(0, -1)),
    value,
    value.map((text) => `<p>${text}</p>`),
  );
  fc.assert(
    fc.property(body, (text) => {
      const answer = parse(text);
      expect(inspect(answer, { depth: null, showHidden: true }) + JSON.stringify(answer)).not.toMatch(/fake.value/);
    }),
    { numRuns: 500 },
  );
});
