import { sha256Hex } from "@smart-token-broker/auth-core/rules/fingerprint.ts";
import type { CallFailureCode } from "@smart-token-broker/auth-core/rules/call-failures.ts";
import type { FailureCode } from "@smart-token-broker/auth-core/rules/failure-catalogue.ts";
import type { HttpFunctions } from "./http-functions.ts";

/** A connection to request a token of, and the SHA-256 of the token to report as rejected. */
export interface Given {
  id: string;
  rejected?: string;
}

/** The HTTP contract, by hand: the status of every failure, and its error on the token endpoints (RFC 6749 §5.2). */
export const contract: Record<FailureCode, { status: number; error: string }> = {
  invalid_request: { status: 400, error: "invalid_request" },
  unknown_connection: { status: 404, error: "invalid_scope" },
  connection_not_ready: { status: 409, error: "server_error" },
  too_soon: { status: 429, error: "temporarily_unavailable" },
  credentials_rejected: { status: 502, error: "server_error" },
  upstream_malformed: { status: 502, error: "server_error" },
  upstream_unavailable: { status: 503, error: "temporarily_unavailable" },
  unavailable: { status: 503, error: "temporarily_unavailable" },
  internal: { status: 500, error: "server_error" },
};

/** As `contract`, the status of every failure that only calls have. */
export const contractOfCalls: Record<CallFailureCode, number> = {
  credential_not_accepted: 401,
  call_not_allowed: 403,
  request_too_large: 413,
  unsupported_body: 415,
  api_rejected_token: 502,
  api_unreachable: 502,
  api_invalid_response: 502,
  response_too_large: 502,
  api_timeout: 504,
};

/** The failures that a connection or an upstream can cause. */
export type Provokable = Exclude<FailureCode, "invalid_request" | "internal">;

/** How each failure comes about, on any token route; `retryAfter`: the response says when to retry. */
export const failures: Record<Provokable, { retryAfter: boolean; given: (on: HttpFunctions) => Promise<Given> }> = {
  unknown_connection: {
    retryAfter: false,
    async given(on) {
      const { id } = await on.connection();
      await on.store(id, { accessTokenExpiresAt: 2, obtainedAt: 1, dueAt: 1 });
      await on.deleteSecret(id);
      return { id };
    },
  },
  connection_not_ready: {
    retryAfter: false,
    async given(on) {
      const id = await on.emptyConnection();
      await on.store(id, { accessTokenExpiresAt: 2, obtainedAt: 1, dueAt: 1 });
      return { id };
    },
  },
  too_soon: {
    retryAfter: true,
    async given(on) {
      const { id } = await on.connection();
      const now = on.clock.now();
      const set = { accessTokenExpiresAt: now + 3600, obtainedAt: now, dueAt: now + 1800 };
      await on.store(id, set, { attemptedAt: now });
      return { id, rejected: sha256Hex("fake-access-1") };
    },
  },
  credentials_rejected: {
    retryAfter: false,
    async given(on) {
      const { id, apiKey } = await on.connection();
      on.simulator.revokeKey(apiKey);
      return { id };
    },
  },
  upstream_malformed: {
    retryAfter: true,
    async given(on) {
      on.simulator.setScenario({ mode: "html" });
      return on.connection();
    },
  },
  upstream_unavailable: {
    retryAfter: true,
    async given(on) {
      on.simulator.setScenario({ mode: "unavailable" });
      return on.connection();
    },
  },
  unavailable: {
    retryAfter: true,
    async given(on) {
      on.secrets.faults.set("GetSecretValue", "AccessDeniedException");
      return on.connection();
    },
  },
};
