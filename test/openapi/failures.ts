import { sha256Hex } from "@smart-token-broker/auth-core/rules/fingerprint.ts";
import type { FailureCode } from "@smart-token-broker/auth-core/rules/failure-catalogue.ts";
import { type TestRequest, callerKey, type HttpFunctions } from "./http-functions.ts";
import { get, oauth, oauthToken, post, postToken, vendor, vendorToken } from "./requests.ts";

/** A connection to request a token of, and the SHA-256 of the token to report as rejected. */
interface Given {
  id: string;
  rejected?: string;
}

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

/** A valid request of a token route for this connection. */
export function requestOf(route: string, { id, rejected }: Given): TestRequest {
  const fields = rejected === undefined ? undefined : { rejected_token_sha256: rejected };
  switch (route) {
    case postToken:
      return post(id, fields);
    case vendorToken:
      return vendor(id, callerKey, fields);
    case oauthToken:
      return oauth(id, callerKey, fields);
    default:
      return get(id);
  }
}
