import { type Form, readForm } from "../../functions/oauth/form.ts";
import { readTokenRequest } from "../../functions/token/token-request.ts";
import {
  accessTokenType,
  grantTypes,
  jwtBearer,
  readGrantRequest,
  readVendorRequest,
  subjectTokenTypes,
} from "../../functions/oauth/grant-request.ts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { tokenEvent } from "../handler/event.ts";
import { document, operationsOf } from "../openapi/document.ts";
import { getToken, oauthToken, vendorToken } from "../openapi/requests.ts";
import { faults, validatorAt } from "../openapi/schemas.ts";

const schema = (name: string) => validatorAt(`#/components/schemas/${name}`, "requests");
const sha256s = ["0".repeat(64), "Ab".repeat(32), "0".repeat(63), ""];

/** Each field absent or one of these. */
function fieldsOf(values: Record<string, string[]>): fc.Arbitrary<Record<string, string>> {
  const optional = Object.entries(values).map(([name, texts]) => [name, fc.constantFrom(undefined, ...texts)] as const);
  return fc
    .record(Object.fromEntries(optional))
    .map((fields) =>
      Object.fromEntries<string>(
        Object.entries(fields).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])),
      ),
    );
}

const runs = { numRuns: 3000 };

test("the vendor's form is accepted exactly where the document allows it", () => {
  const validate = schema("VendorTokenRequest");
  const fields = fieldsOf({
    username: ["", "admin_webapicorso"],
    scope: ["", "fake-scope"],
    token: ["", "Bearer fake-key-1", "bearer fake-key-1", "Bearer ", "Bearer a b", "fake-key-1"],
    rejected_token_sha256: sha256s,
  });

  fc.assert(
    fc.property(fields, (form) => {
      const request = readVendorRequest(new Map(Object.entries(form)));
      expect("error" in request, JSON.stringify(form)).toBe(faults(validate, form) !== "");
    }),
    runs,
  );
});

test("a grant is accepted where the document allows it, and its client authenticates in one way", () => {
  const validate = schema("OAuthTokenRequest");
  const fields = fieldsOf({
    grant_type: [...grantTypes, "password"],
    client_id: ["", "fake-php"],
    client_secret: ["fake-key-1"],
    client_assertion: ["fake-jwt"],
    client_assertion_type: [jwtBearer],
    refresh_token: [`stbr.webapicorso.stb_${"0".repeat(43)}`],
    subject_token: ["", "fake-jwt"],
    subject_token_type: [...subjectTokenTypes, "fake-type"],
    requested_token_type: [accessTokenType, "fake-type"],
    actor_token: ["fake-jwt"],
    scope: ["", "webapicorso"],
    rejected_token_sha256: sha256s,
  });
  const header = fc.constantFrom(undefined, `Basic ${Buffer.from("fake-php:fake-key-1").toString("base64")}`);
  const read = { accepted: 0, refused: 0 };

  fc.assert(
    fc.property(fields, header, (form, authorization) => {
      const { grant_type: grant, client_secret: secret, client_assertion: assertion } = form;
      const ways = [authorization, secret, assertion].filter((way) => way !== undefined).length;
      const isWrong = faults(validate, form) !== "" || (grant === "client_credentials" && ways !== 1);
      // With the header, a client_id in the body is not looked at; the schema knows nothing of headers.
      fc.pre(form["client_id"] !== "" || secret !== undefined);

      const request = readGrantRequest(new Map(Object.entries(form)), authorization);

      read["error" in request ? "refused" : "accepted"]++;
      expect("error" in request, JSON.stringify(form)).toBe(isWrong);
    }),
    { numRuns: 20_000 },
  );
  expect(Math.min(read.accepted, read.refused)).toBeGreaterThan(100);
});

describe("every type of body that the document names is read", () => {
  const types = [...operationsOf(document)]
    .filter(([key]) => key === vendorToken || key === oauthToken)
    .flatMap(([key, { requestBody }]) => Object.keys(requestBody?.content ?? {}).map((type) => [key, type] as const));

  test.each(types)("%s %s", async (key, type) => {
    const fields = { scope: "fake-scope" };
    const form = new FormData();
    form.set("scope", "fake-scope");
    const body = { "application/json": JSON.stringify(fields), "multipart/form-data": form }[type];
    const request = new Request("https://example.com", { method: "POST", body: body ?? new URLSearchParams(fields) });
    const headers = { "content-type": body === form || !body ? (request.headers.get("content-type") ?? "") : type };
    const event = { ...tokenEvent("webapicorso"), headers, body: await request.text() };

    const read = await readForm(event, { json: key === oauthToken });

    expect(read as Form).toEqual(new Map(Object.entries(fields)));
  });

  test("and these are all", () => {
    expect(types).toHaveLength(5);
  });
});

test("min_ttl is accepted exactly where the document allows it", () => {
  const place = operationsOf(document)
    .get(getToken)
    ?.parameters?.findIndex(({ name }) => name === "min_ttl");
  const validate = validatorAt(
    `#/paths/~1v1~1connections~1{connection}~1token/get/parameters/${place}/schema`,
    "requests",
  );

  for (const seconds of [-1, 0, 1, 60, 999, 1000, 1799, 1800, 1801, 9999, 10_000, 0.5]) {
    const request = readTokenRequest(tokenEvent("webapicorso", { query: { min_ttl: String(seconds) } }));
    expect("failure" in request, String(seconds)).toBe(faults(validate, seconds) !== "");
  }
});

test("a rejected token is accepted exactly where the document allows it", () => {
  const validate = schema("RejectedToken");

  for (const rejected of [...sha256s, undefined, 1, null, "g".repeat(64)]) {
    const body = { rejected_token_sha256: rejected };
    const request = readTokenRequest(tokenEvent("webapicorso", { post: JSON.stringify(body) }));
    expect("failure" in request, String(rejected)).toBe(faults(validate, body) !== "");
  }
});
