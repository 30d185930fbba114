import { readForm } from "../../functions/oauth/rules/form.ts";
import { readTokenRequest } from "../../functions/token/rules/token-request.ts";
import {
  accessTokenType,
  grantTypes,
  jwtBearer,
  readGrantRequest,
  readVendorRequest,
  subjectTokenTypes,
} from "../../functions/oauth/rules/grant-request.ts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { tokenEvent } from "../../fixtures/token-event.ts";
import { document, operationsOf } from "./document.ts";
import { getToken, oauthToken, vendorToken } from "./requests.ts";
import { faults, validatorAt } from "./validators.ts";

const schema = (name: string) => validatorAt(`#/components/schemas/${name}`, "requests");
const sha256s = ["0".repeat(64), "Ab".repeat(32), "0".repeat(63), ""];

/** Forms in which each field is absent or has one of these values. */
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

test("readVendorRequest accepts exactly the forms that the document allows", () => {
  const validate = schema("VendorTokenRequest");
  const fields = fieldsOf({
    username: ["", "admin_webapicorso"],
    scope: ["", "fake-scope"],
    token: ["", "Bearer fake-key-1", "bearer fake-key-1", "Bearer ", "Bearer a b", " BEARER  a ", "fake-key-1"],
    rejected_token_sha256: sha256s,
  });

  fc.assert(
    fc.property(fields, (form) => {
      const request = readVendorRequest(new Map(Object.entries(form)));
      expect(request.kind === "oauth_error", JSON.stringify(form)).toBe(faults(validate, form) !== "");
    }),
    runs,
  );
});

test("readGrantRequest accepts exactly the forms that the document allows, if the client authenticates once", () => {
  const validate = schema("OAuthTokenRequest");
  const fields = fieldsOf({
    grant_type: [...grantTypes, "password"],
    client_id: ["", "fake-php"],
    client_secret: ["fake-key-1"],
    client_assertion: ["fake-jwt"],
    client_assertion_type: [jwtBearer],
    refresh_token: [`stbr.webapicorso.${"0".repeat(43)}`],
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
      const methods = [authorization, secret, assertion].filter((method) => method !== undefined).length;
      const isWrong = faults(validate, form) !== "" || methods > 1 || (grant === "client_credentials" && methods === 0);
      // The broker treats an empty client_id as absent.
      fc.pre(form["client_id"] !== "" || secret !== undefined);

      const request = readGrantRequest(new Map(Object.entries(form)), authorization);

      read[request.kind === "oauth_error" ? "refused" : "accepted"]++;
      expect(request.kind === "oauth_error", JSON.stringify(form)).toBe(isWrong);
    }),
    { numRuns: 20_000 },
  );
  expect(Math.min(read.accepted, read.refused)).toBeGreaterThan(100);
});

describe("readForm reads every Content-Type in the document", () => {
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

    expect(read).toEqual({ kind: "form", fields: new Map(Object.entries(fields)) });
  });
});

test("readTokenRequest accepts exactly the values of min_ttl that the document allows", () => {
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

test("readTokenRequest accepts exactly the rejected tokens that the document allows", () => {
  const validate = schema("RejectedToken");

  for (const rejected of [...sha256s, undefined, 1, null, "g".repeat(64)]) {
    const body = { rejected_token_sha256: rejected };
    const request = readTokenRequest(tokenEvent("webapicorso", { post: JSON.stringify(body) }));
    expect("failure" in request, String(rejected)).toBe(faults(validate, body) !== "");
  }
});
