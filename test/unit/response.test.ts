import { expect, it } from "vitest";
import { failureCatalogue, failureCodes } from "../../functions/auth-core/rules/failure-catalogue.ts";
import { tokenResponse, problemDetails } from "../../functions/auth-core/http/response.ts";
import { fingerprint } from "../../functions/auth-core/rules/fingerprint.ts";
import type { TokenSet } from "../../functions/auth-core/rules/tokens/token-set.ts";
import { contract } from "../openapi/failures.ts";
import { now, tokenSet } from "./examples.ts";

it("the catalogue has exactly the failures of the contract", () => {
  expect(failureCatalogue).toEqual(
    Object.fromEntries(
      Object.entries(contract).map(([code, { status, error }]) => [
        code,
        expect.objectContaining({ status, oauthError: error }),
      ]),
    ),
  );
});

it.each(failureCodes)("problemDetails returns %s as problem details", (code) => {
  const { status } = contract[code];

  const response = problemDetails({ code, detail: "fake detail" }, "request-1");

  expect(response.status).toBe(status);
  expect(response.headers).toEqual({ "content-type": "application/problem+json", "cache-control": "no-store" });
  expect(response.body).toEqual({
    type: `urn:smart-token-broker:${code}`,
    title: expect.stringMatching(/\w/),
    status,
    code,
    detail: "fake detail",
    request_id: "request-1",
  });
  expect(response.line).toEqual({ code, source: "none", ...(status === 400 && { detail: "fake detail" }) });
});

it.each([
  [0, "1"],
  [-3, "1"],
  [0.2, "1"],
  [1, "1"],
  [1.001, "2"],
  [29.5, "30"],
  [900, "900"],
])(
  "problemDetails writes a Retry-After of %d s as %s: whole seconds, rounded up, at least one",
  (retryAfter, written) => {
    const { headers } = problemDetails(
      { code: "upstream_unavailable", detail: "fake detail", retryAfter },
      "request-1",
    );

    expect(headers["retry-after"]).toBe(written);
  },
);

const answer = (changes: Partial<TokenSet> = {}, at = now) =>
  tokenResponse({ kind: "token", set: tokenSet(changes), generation: 17, source: "table" }, at, "request-1");

it("tokenResponse has the members of RFC 6749 and those of the broker, and forbids caching the token", () => {
  const response = answer();

  expect(response.status).toBe(200);
  expect(response.headers).toEqual({ "content-type": "application/json", "cache-control": "no-store" });
  expect(response.body).toEqual({
    access_token: "fake-access-1",
    token_type: "Bearer",
    expires_in: 3000,
    expires_at: "2027-01-15T08:50:00Z",
    scope: "webapicorso_alywebapicorso",
    generation: 17,
  });
});

it("tokenResponse names the base URL of the business API if it is registered", () => {
  expect(answer({ apiBaseUrl: "https://api.example" }).body).toMatchObject({ api_base_url: "https://api.example" });
});

it("tokenResponse rounds expires_in and expires_at down", () => {
  expect(answer({ accessTokenExpiresAt: now + 59.9 }).body).toMatchObject({
    expires_in: 59,
    expires_at: "2027-01-15T08:00:59Z",
  });
  expect(answer({ accessTokenExpiresAt: now + 60 }, now + 0.1).body).toMatchObject({ expires_in: 59 });
});

it("tokenResponse never has a negative expires_in", () => {
  expect(answer({ accessTokenExpiresAt: now - 3 }).body).toMatchObject({ expires_in: 0 });
});

it("tokenResponse logs source, remaining time and fingerprint of a token, and not the token", () => {
  const { line } = answer();

  expect(line).toEqual({
    code: "ok",
    source: "table",
    remaining: 3000,
    generation: 17,
    tokenFingerprint: fingerprint(tokenSet().accessToken),
  });
  expect(JSON.stringify(line)).not.toContain("fake-access-1");
});

it("tokenResponse returns a failure as problem details", () => {
  const failure = { code: "too_soon", detail: "fake detail", retryAfter: 12 } as const;

  expect(tokenResponse({ kind: "failure", failure }, now, "request-1")).toEqual(problemDetails(failure, "request-1"));
});
