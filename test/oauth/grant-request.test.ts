import { describe, expect, test } from "vitest";
import { readGrantRequest, readVendorRequest } from "../../functions/oauth/grant-request.ts";

const vendor = { username: "admin_webapicorso", scope: "webapicorso_alywebapicorso", token: "Bearer fake-key-1" };
const fakeKey = `stb_${"fake-key-1_".padEnd(43, "0")}`;
const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
const typeOf = (kind: string) => `urn:ietf:params:oauth:token-type:${kind}`;
const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;

type Fields = Record<string, string | undefined>;
const mapOf = (fields: Fields) =>
  new Map(Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined));
const byVendor = (fields: Fields) => shown(readVendorRequest(mapOf({ ...vendor, ...fields })));
const byGrant = (fields: Fields, authorization?: string) => shown(readGrantRequest(mapOf(fields), authorization));

/** With the credential in plain text, to compare it. */
function shown(request: ReturnType<typeof readVendorRequest>) {
  return "error" in request ? request : { ...request, credential: request.credential.reveal() };
}

describe("the vendor's form", () => {
  test("names a connection by username and scope, and has its credential behind Bearer", () => {
    expect(byVendor({})).toEqual({
      credential: "fake-key-1",
      username: "admin_webapicorso",
      scope: "webapicorso_alywebapicorso",
      basic: false,
      ifRefused: "invalid_client",
    });
  });

  test.each(["username", "scope", "token"])("is refused without %s, which the description names", (name) => {
    const missing = { error: "invalid_request", description: `the field ${name} is missing or empty` };

    expect(byVendor({ [name]: undefined })).toEqual(missing);
    expect(byVendor({ [name]: "" })).toEqual(missing);
  });

  test.each([
    ["absent", "fake-key-1"],
    ["there twice", "Bearer Bearer fake-key-1"],
    ["in lower case", "bearer fake-key-1"],
    ["in upper case", "BEARER fake-key-1"],
    ["followed by nothing", "Bearer "],
    ["followed by two blanks", "Bearer  fake-key-1"],
    ["after a blank", " Bearer fake-key-1"],
    ["before a blank", "Bearer fake-key-1 "],
    ["before a line break", "Bearer fake-key-1\n"],
    ["before what is not ASCII", "Bearer fäke"],
  ])("is refused if Bearer is %s", (_, token) => {
    expect(byVendor({ token })).toEqual({
      error: "invalid_request",
      description: "the field token must be 'Bearer <credential>'",
    });
  });
});

describe("client_credentials", () => {
  const grant = { grant_type: "client_credentials" };

  test("are read from the header, both halves form-urlencoded", () => {
    const authorization = basic(`old-php:${encodeURIComponent(fakeKey).replaceAll("_", "%5F")}`);

    expect(byGrant({ ...grant, scope: "webapicorso" }, authorization)).toEqual({
      credential: fakeKey,
      name: "old-php",
      scope: "webapicorso",
      basic: true,
      ifRefused: "invalid_client",
    });
    expect(byGrant(grant, basic("a%3Ab+c:fake%25+1"))).toMatchObject({ name: "a:b c", credential: "fake% 1" });
  });

  test("are read from a header whose scheme is spelt otherwise", () => {
    expect(byGrant(grant, basic("old-php:fake").replace("Basic", "bAsIc"))).toMatchObject({ credential: "fake" });
  });

  test("are read from the body", () => {
    expect(byGrant({ ...grant, client_id: "old-php", client_secret: fakeKey })).toEqual({
      credential: fakeKey,
      name: "old-php",
      basic: false,
      ifRefused: "invalid_client",
    });
  });

  test("are read from an assertion", () => {
    expect(byGrant({ ...grant, client_assertion: "fake.jwt.1", client_assertion_type: jwtBearer })).toEqual({
      credential: "fake.jwt.1",
      basic: false,
      ifRefused: "invalid_client",
    });
  });

  test.each<[string, Fields, string | undefined, string]>([
    ["no credential", {}, undefined, "invalid_client"],
    ["a name and no secret", { client_id: "a" }, undefined, "invalid_client"],
    ["a secret and no name", { client_secret: "a" }, undefined, "invalid_request"],
    ["a header and a secret", { client_id: "a", client_secret: "b" }, basic("a:b"), "invalid_request"],
    [
      "a header and an assertion",
      { client_assertion: "a", client_assertion_type: jwtBearer },
      basic("a:b"),
      "invalid_request",
    ],
    [
      "a secret and an assertion",
      { client_id: "a", client_secret: "b", client_assertion: "c" },
      undefined,
      "invalid_request",
    ],
    ["an assertion without its type", { client_assertion: "a" }, undefined, "invalid_request"],
    [
      "an assertion of another type",
      { client_assertion: "a", client_assertion_type: "saml" },
      undefined,
      "invalid_request",
    ],
    ["a header of another scheme", {}, "Bearer fake", "invalid_client"],
    ["a header without a name", {}, basic(":fake"), "invalid_client"],
    ["a header without a secret", {}, basic("old-php:"), "invalid_client"],
    ["a header without a colon", {}, basic("old-php"), "invalid_client"],
    ["a header with two colons", {}, basic("a:b:c"), "invalid_client"],
    ["a header that is no base64", {}, "Basic ü", "invalid_client"],
    ["a header with half an escape", {}, basic("a:%E0%A4%A"), "invalid_client"],
    ["two headers in one", {}, `${basic("a:b")},${basic("a:b")}`, "invalid_client"],
  ])("are refused with %s", (_, fields, authorization, error) => {
    expect(byGrant({ ...grant, ...fields }, authorization)).toMatchObject({ error });
  });
});

describe("a refresh", () => {
  const grant = { grant_type: "refresh_token" };

  test("is for the connection that its token was made for", () => {
    expect(byGrant({ ...grant, refresh_token: `stbr.webapicorso.${fakeKey}` })).toEqual({
      credential: fakeKey,
      connection: "webapicorso",
      basic: false,
      ifRefused: "invalid_grant",
    });
  });

  test.each([undefined, "", "fake-refresh-1", fakeKey, `stbr.other/x.${fakeKey}`])("is refused with %s", (token) => {
    expect(byGrant({ ...grant, refresh_token: token })).toMatchObject({ error: "invalid_grant" });
  });
});

describe("a token exchange", () => {
  const grant = { grant_type: exchange, subject_token: "fake.jwt.1", subject_token_type: typeOf("jwt") };

  test.each(["jwt", "access_token", "id_token"])("takes a subject token that is called %s", (kind) => {
    expect(byGrant({ ...grant, subject_token_type: typeOf(kind), scope: "webapicorso" })).toEqual({
      credential: "fake.jwt.1",
      scope: "webapicorso",
      basic: false,
      ifRefused: "invalid_grant",
      issuedTokenType: typeOf("access_token"),
    });
  });

  test("may ask for what it gets", () => {
    expect(byGrant({ ...grant, requested_token_type: typeOf("access_token") })).not.toHaveProperty("error");
  });

  test.each<[string, Fields]>([
    ["no subject", { subject_token: undefined }],
    ["an empty subject", { subject_token: "" }],
    ["a subject without a type", { subject_token_type: undefined }],
    ["a subject that is SAML", { subject_token_type: typeOf("saml2") }],
    ["a wish for a refresh token", { requested_token_type: typeOf("refresh_token") }],
    ["an actor", { actor_token: "fake.jwt.2" }],
  ])("is refused with %s", (_, fields) => {
    expect(byGrant({ ...grant, ...fields })).toMatchObject({ error: "invalid_request" });
  });
});

describe("a grant", () => {
  test("that is missing is refused", () => {
    expect(byGrant({})).toMatchObject({ error: "invalid_request" });
  });

  test.each(["password", "authorization_code", "", "Client_Credentials", "constructor"])(
    "%j is not supported",
    (type) => {
      expect(byGrant({ grant_type: type })).toMatchObject({ error: "unsupported_grant_type" });
    },
  );

  test("with an empty scope names no connection", () => {
    const fields = { grant_type: "client_credentials", client_id: "a", client_secret: "fake", scope: "" };

    expect(byGrant(fields)).not.toHaveProperty("scope");
  });
});

describe("rejected_token_sha256", () => {
  const hash = "0123456789abcdef".repeat(4);
  const refresh = { grant_type: "refresh_token", refresh_token: `stbr.webapicorso.${fakeKey}` };

  test("can be in every request, in either case", () => {
    const rejected = { rejected_token_sha256: hash.toUpperCase() };

    for (const request of [
      byVendor(rejected),
      byGrant({ ...refresh, ...rejected }),
      byGrant({ grant_type: "client_credentials", client_id: "a", client_secret: "fake", ...rejected }),
      byGrant({ grant_type: exchange, subject_token: "a", subject_token_type: typeOf("jwt"), ...rejected }),
    ]) {
      expect(request).toMatchObject({ rejectedSha256: hash });
    }
  });

  test.each(["", "fake", hash.slice(1), `${hash}0`, hash.replace("0", "g")])("may not be %j", (rejected) => {
    expect(byGrant({ ...refresh, rejected_token_sha256: rejected })).toMatchObject({ error: "invalid_request" });
  });
});
