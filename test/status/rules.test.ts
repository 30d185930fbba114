import { describe, expect, it } from "vitest";
import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import type { FailureCode } from "../../functions/auth-core/rules/failure-catalogue.ts";
import { statusOf } from "../../functions/status/rules/connection-status.ts";
import type { TokenSet } from "../../functions/auth-core/rules/tokens/token-set.ts";
import { itemAt, tokenSetAt } from "./items.ts";

/** Tue, 24 Nov 2026 08:00:00 GMT, in epoch seconds. */
const now = 1_795_507_200;
const day = 86_400;

const statusAt = (changes: Partial<ConnectionItem> = {}) => statusOf(itemAt(now, "webapicorso", changes), now);
const set = (changes: Partial<TokenSet>) => ({ tokenSet: tokenSetAt(now, changes) });
const failed = (code: FailureCode, retryIn = 60) => ({
  failures: 2,
  retryAt: now + retryIn,
  lastError: { code, detail: "fake detail", at: now - 30 },
});
const expired = set({ accessTokenExpiresAt: now - 1 });
const noTokens: Partial<ConnectionItem> = { tokenSet: undefined };

describe("The state", () => {
  it.each<[string, string, Partial<ConnectionItem>]>([
    ["fresh", "with a token that is not due", {}],
    ["due", "from the instant at which the token is due", set({ dueAt: now })],
    ["retrying", "after a temporary failure, while the token is valid", failed("upstream_unavailable")],
    [
      "expired",
      "after a temporary failure, once the token is not valid",
      { ...failed("upstream_unavailable"), ...expired },
    ],
    ["expired", "without a token", { ...noTokens, attemptedAt: now - 100 }],
    ["due", "if only its key was rotated so far", noTokens],
    [
      "rejected",
      "in an outage after a rejection",
      { ...failed("upstream_unavailable"), operatorError: "credentials_rejected" },
    ],
    [
      "not_ready",
      "in an outage after a secret that is not usable",
      { ...failed("unavailable"), ...expired, operatorError: "connection_not_ready" },
    ],
    ["rejected", "after a rejected key, although the token is still valid", failed("credentials_rejected")],
    ["not_ready", "if the secret lacks a field", failed("connection_not_ready")],
    [
      "removed",
      "if the secret and the tokens are deleted",
      { ...noTokens, lastError: { code: "unknown_connection", detail: "fake", at: now } },
    ],
  ])("is %s %s", (state, _, changes) => {
    expect(statusAt(changes).state).toBe(state);
  });
});

describe("The next action", () => {
  it.each<[string, Partial<ConnectionItem>, number]>([
    ["replacement by refresh token in 20 min", {}, 1200],
    ["replacement by refresh token in 89 s", set({ dueAt: now + 89 }), 89],
    ["replacement by refresh token in 2 min", set({ dueAt: now + 90 }), 90],
    ["replacement by refresh token in 2 h", set({ dueAt: now + 5400 }), 5400],
    ["replacement by refresh token in 2 d", set({ dueAt: now + 36 * 3600 }), 36 * 3600],
    ["replacement by refresh token within a minute", set({ dueAt: now - 10 }), -10],
    ["replacement by refresh token within a minute", set({ dueAt: now }), 0],
    ["retry by refresh token in 60 s", failed("upstream_unavailable"), 60],
    ["replacement by API key in 20 min", set({ refreshToken: undefined, refreshTokenExpiresAt: undefined }), 1200],
    ["retry by API key in 5 min", { ...noTokens, ...failed("credentials_rejected", 300) }, 300],
    [
      "retry by API key in 60 s, because the refresh-token request failed",
      { ...failed("upstream_unavailable"), skipRefresh: true },
      60,
    ],
    [
      "replacement by API key in 20 min, because the refresh token expires",
      set({ refreshTokenExpiresAt: now + 1200 + 2 * day }),
      1200,
    ],
    [
      "replacement by API key in 20 min, because the API key was replaced",
      { retiringKeys: { "0123456789abcdef": { since: now, end: now + day } } },
      1200,
    ],
    ["replacement in progress", { leaseOwner: "owner-1", leaseUntil: now + 12 }, 12],
    ["replacement by refresh token in 20 min", { leaseOwner: "owner-1", leaseUntil: now - 1 }, 1200],
    [
      "in 10 min: check whether the old key can be revoked",
      { retiringKeys: { aaaaaaaaaaaaaaaa: { since: now - day, end: now + 600 } } },
      600,
    ],
    [
      "replacement by refresh token in 20 min",
      { retiringKeys: { aaaaaaaaaaaaaaaa: { since: now - day, end: now + 1200 } } },
      1200,
    ],
    ["replacement by API key within a minute", { ...noTokens, attemptedAt: now - 100 }, -100],
  ])("is %s", (what, changes, seconds) => {
    const at = `${new Date((now + seconds) * 1000).toISOString().slice(0, 19)}Z`;

    expect(statusAt(changes).next_action).toEqual({ what, at });
  });

  it("is absent if the broker does nothing without a request", () => {
    expect(statusAt(noTokens)).not.toHaveProperty("next_action");
  });
});

it("A status has the expiries, the key's fingerprint and age, the last success and the last error", () => {
  const retiringKeys = {
    aaaaaaaaaaaaaaaa: { since: now - day, end: now + 6 * day },
    bbbbbbbbbbbbbbbb: { since: now - day },
  };

  const status = statusAt({ ...failed("upstream_unavailable"), generation: 17, retiringKeys });

  expect(status).toEqual({
    connection: "webapicorso",
    state: "retrying",
    generation: 17,
    access_token_expires_at: "2026-11-24T08:50:00Z",
    refresh_token_expires_at: "2026-12-23T08:00:00Z",
    last_success_at: "2026-11-24T07:50:00Z",
    obtained_by: "api_key",
    scope: "webapicorso_alywebapicorso",
    single_active_token: false,
    key_fingerprint: "0123456789abcdef",
    key_age_days: 3,
    retiring_keys: [
      { fingerprint: "aaaaaaaaaaaaaaaa", since: "2026-11-23T08:00:00Z", retirable_at: "2026-11-30T08:00:00Z" },
    ],
    failures: 2,
    last_error: { code: "upstream_unavailable", detail: "fake detail", at: "2026-11-24T07:59:30Z" },
    next_action: { what: "retry by refresh token in 60 s", at: "2026-11-24T08:01:00Z" },
  });
});

it("A status has the URL at which callers use the token, if the registration has one", () => {
  expect(statusAt(set({ apiBaseUrl: "https://api.test" }))).toMatchObject({ api_base_url: "https://api.test" });
});
