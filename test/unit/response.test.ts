import { expect, it } from "vitest";
import { failureCatalogue, failureCodes, isOfReplacement } from "../../functions/auth-core/rules/failure-catalogue.ts";
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

it.each(failureCodes)("problemDetails logs %s, with its detail only for a wrong request", (code) => {
  const { status, line } = problemDetails({ code, detail: "fake detail" }, "request-1");

  expect(line).toEqual({ code, source: "none", ...(status === 400 && { detail: "fake detail" }) });
});

it("the type of a problem is a URN with its code, and a replacement cannot fail because of a request", () => {
  const { body } = problemDetails({ code: "too_soon", detail: "fake detail" }, "request-1");

  expect(body).toMatchObject({ type: "urn:smart-token-broker:too_soon" });
  expect(failureCodes.filter((code) => !isOfReplacement(code))).toEqual([
    "invalid_request",
    "unknown_connection",
    "too_soon",
    "internal",
  ]);
});

it.each([
  [0, "1"],
  [1.001, "2"],
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
