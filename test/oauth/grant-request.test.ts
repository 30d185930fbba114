import { describe, expect, test } from "vitest";
import { type Credential, readGrantRequest, readVendorRequest } from "../../functions/oauth/rules/grant-request.ts";
import { fakeHandle } from "./key-tables.ts";
import { basic } from "./requests.ts";

const vendor = { username: "admin_webapicorso", scope: "webapicorso_alywebapicorso", token: "Bearer fake-key-1" };
const fakeKey = `stb_${"fake-key-1_".padEnd(43, "0")}`;
const handle = fakeHandle("webapicorso", "1");
const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
const typeOf = (kind: string) => `urn:ietf:params:oauth:token-type:${kind}`;
const header = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;

type Fields = Record<string, string | undefined>;
const mapOf = (fields: Fields) =>
  new Map(Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined));
const byVendor = (fields: Fields) => shown(readVendorRequest(mapOf({ ...vendor, ...fields })));
const byGrant = (fields: Fields, authorization?: string) => shown(readGrantRequest(mapOf(fields), authorization));

/** With the credentials in plain text, to compare them. */
function shown(request: ReturnType<typeof readVendorRequest>) {
  if (request.kind === "oauth_error") return request;
  const { credential, client, ...rest } = request;
  return { ...rest, ...textOf("credential", credential), ...(client && textOf("client", client)) };
}

const textOf = (name: string, { value, accepted }: Credential) => ({ [name]: `${accepted} ${value.reveal()}` });

/** A request, with the fields that most have. */
const requestWith = (fields: object) => ({
  kind: "grant_request",
  basic: false,
  notAcceptedError: "invalid_client",
  ...fields,
});

describe("readVendorRequest", () => {
  test("reads username, scope and the credential after Bearer", () => {
    expect(byVendor({})).toEqual(
      requestWith({
        credential: "caller_key_or_jwt fake-key-1",
        username: "admin_webapicorso",
        scope: "webapicorso_alywebapicorso",
        issuesHandle: true,
      }),
    );
  });

  test.each(["username", "scope", "token"])("rejects a form without %s, and names the field", (name) => {
    const missing = {
      error: "invalid_request",
      description: `The field ${name} is missing or empty. Send username, scope and token.`,
    };

    expect(byVendor({ [name]: undefined })).toMatchObject(missing);
    expect(byVendor({ [name]: "" })).toMatchObject(missing);
  });

  test.each([
    ["followed by two blanks", "Bearer  fake-key-1"],
    ["after a blank", " Bearer fake-key-1"],
    ["before a line break", "Bearer fake-key-1\r\n"],
  ])("reads the credential if Bearer is %s", (_, token) => {
    expect(byVendor({ token })).toMatchObject({ credential: "caller_key_or_jwt fake-key-1" });
  });

  test.each([
    ["duplicate", "Bearer Bearer fake-key-1"],
    ["before a credential that is not ASCII", "Bearer fäke"],
  ])("rejects a token if Bearer is %s", (_, token) => {
    expect(byVendor({ token })).toMatchObject({
      error: "invalid_request",
      description: "The field token must be 'Bearer <credential>'.",
    });
  });
});

describe("readGrantRequest, for client_credentials,", () => {
  const grant = { grant_type: "client_credentials" };

  test("reads the Authorization header, both halves form-urlencoded", () => {
    const authorization = header(`old-php:${encodeURIComponent(fakeKey).replaceAll("_", "%5F")}`);

    expect(byGrant({ ...grant, scope: "webapicorso" }, authorization)).toEqual(
      requestWith({
        credential: `caller_key ${fakeKey}`,
        clientId: "old-php",
        scope: "webapicorso",
        basic: true,
      }),
    );
    expect(byGrant(grant, header("a%3Ab+c:fake%25+1"))).toMatchObject({
      clientId: "a:b c",
      credential: "caller_key fake% 1",
    });
  });

  test("reads the scheme in any case, with any blanks, and the same client_id beside it", () => {
    const { authorization } = basic("old-php", "fake");

    expect(byGrant({ ...grant, client_id: "old-php" }, authorization.replace("Basic", "bAsIc  "))).toMatchObject({
      credential: "caller_key fake",
    });
  });

  test("reads client_id and client_secret", () => {
    expect(byGrant({ ...grant, client_id: "old-php", client_secret: fakeKey })).toEqual(
      requestWith({ credential: `caller_key ${fakeKey}`, clientId: "old-php" }),
    );
  });

  test("reads client_assertion", () => {
    expect(byGrant({ ...grant, client_assertion: "fake.jwt.1", client_assertion_type: jwtBearer })).toEqual(
      requestWith({ credential: "jwt fake.jwt.1" }),
    );
  });

  const assertion = { client_assertion: "a", client_assertion_type: jwtBearer };
  const byKey = { client_id: "a", client_secret: "b" };

  test.each<[string, Fields, string | undefined, string]>([
    ["no credential", {}, undefined, "invalid_client"],
    ["a header and an assertion", assertion, header("a:b"), "invalid_request"],
    ["another type of assertion", { ...assertion, client_assertion_type: "saml" }, undefined, "invalid_request"],
    ["a header with another scheme", {}, "Bearer fake", "invalid_client"],
    ["a header without a secret", {}, header("old-php:"), "invalid_client"],
    ["a header with two colons", {}, header("a:b:c"), "invalid_client"],
    ["a header that is not base64", {}, "Basic ü", "invalid_client"],
    ["a header beside another client_id", { client_id: "b" }, header("a:b"), "invalid_request"],
    ["a refresh token", { ...byKey, refresh_token: "fake" }, undefined, "invalid_request"],
    ["two headers in one", {}, `${header("a:b")},${header("a:b")}`, "invalid_client"],
  ])("rejects %s", (_, fields, authorization, error) => {
    expect(byGrant({ ...grant, ...fields }, authorization)).toMatchObject({ error });
  });
});

describe("readGrantRequest, for refresh_token,", () => {
  const grant = { grant_type: "refresh_token" };

  test("reads a refresh handle and its connection", () => {
    expect(byGrant({ ...grant, refresh_token: handle })).toEqual(
      requestWith({
        credential: `refresh_handle ${handle}`,
        connection: "webapicorso",
        notAcceptedError: "invalid_grant",
      }),
    );
  });

  test.each([
    ["", "invalid_request"],
    [fakeKey, "invalid_grant"],
    [`stbr.webapicorso.${fakeKey}`, "invalid_grant"],
  ])("rejects %s with %s", (token, error) => {
    expect(byGrant({ ...grant, refresh_token: token })).toMatchObject({ error });
  });
});

describe("readGrantRequest, for a token exchange,", () => {
  const grant = { grant_type: exchange, subject_token: "fake.jwt.1", subject_token_type: typeOf("jwt") };

  test.each(["jwt", "access_token", "id_token"])("reads a subject token of type %s", (kind) => {
    expect(byGrant({ ...grant, subject_token_type: typeOf(kind), scope: "webapicorso" })).toEqual(
      requestWith({
        credential: "jwt fake.jwt.1",
        scope: "webapicorso",
        notAcceptedError: "invalid_grant",
        issuedTokenType: typeOf("access_token"),
      }),
    );
  });

  test.each<[string, Fields]>([
    ["a subject token without a type", { subject_token_type: undefined }],
    ["a request for a refresh token", { requested_token_type: typeOf("refresh_token") }],
    ["the type of an assertion without one", { client_assertion_type: jwtBearer }],
    ["the type of an actor token without one", { actor_token_type: typeOf("jwt") }],
    ["an actor token", { actor_token: "fake.jwt.2" }],
  ])("rejects %s", (_, fields) => {
    expect(byGrant({ ...grant, ...fields })).toMatchObject({ error: "invalid_request" });
  });
});

describe.each<[string, Fields]>([
  ["a refresh", { grant_type: "refresh_token", refresh_token: handle }],
  ["a token exchange", { grant_type: exchange, subject_token: "a.b.c", subject_token_type: typeOf("jwt") }],
])("readGrantRequest, for %s,", (_, grant) => {
  test("reads client authentication beside the grant", () => {
    const secret = { client_id: "old-php", client_secret: "fake" };
    const assertion = { client_assertion: "d.e.f", client_assertion_type: jwtBearer };

    expect(byGrant(grant, header("old-php:fake"))).toMatchObject({
      client: "caller_key fake",
      clientId: "old-php",
      basic: true,
    });
    expect(byGrant({ ...grant, ...secret })).toMatchObject({ client: "caller_key fake", clientId: "old-php" });
    expect(byGrant({ ...grant, ...assertion })).toMatchObject({ client: "jwt d.e.f" });
  });

  test.each<[string, Fields, string | undefined, string]>([
    ["a header beside another client_id", { client_id: "b" }, header("a:b"), "invalid_request"],
  ])("rejects %s", (__, fields, authorization, error) => {
    expect(byGrant({ ...grant, ...fields }, authorization)).toMatchObject({ error });
  });
});

describe("readGrantRequest", () => {
  test.each(["password", "authorization_code", "", "Client_Credentials", "constructor"])(
    "does not support grant_type %j",
    (type) => {
      expect(byGrant({ grant_type: type })).toMatchObject({ error: "unsupported_grant_type" });
    },
  );

  test("treats an empty scope as absent", () => {
    const fields = { grant_type: "client_credentials", client_id: "a", client_secret: "fake", scope: "" };

    expect(byGrant(fields)).not.toHaveProperty("scope");
  });
});

describe("rejected_token_sha256", () => {
  const hash = "0123456789abcdef".repeat(4);
  const refresh = { grant_type: "refresh_token", refresh_token: handle };

  test("is read in every request, in upper or lower case", () => {
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

  test.each([hash.slice(1), `${hash}0`, hash.replace("0", "g")])("cannot be %j", (rejected) => {
    expect(byGrant({ ...refresh, rejected_token_sha256: rejected })).toMatchObject({ error: "invalid_request" });
  });
});
