import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { TokenSet } from "../../functions/auth-core/rules/tokens/token-set.ts";

const obtainedAt = 1_800_000_000;

/** A token set of an hour without optional fields. */
export function fakeTokenSet(fields: Partial<TokenSet> = {}): TokenSet {
  return {
    accessToken: new Secret("fake-access-1"),
    accessTokenExpiresAt: obtainedAt + 3600,
    obtainedAt,
    obtainedBy: "api_key",
    scope: "webapicorso_alywebapicorso",
    keyFingerprint: "0123456789abcdef",
    credentialFingerprint: "fedcba9876543210",
    singleActiveToken: false,
    dueAt: obtainedAt + 1800,
    ...fields,
  };
}

/** An item with every field, in its token set too. */
export function fullItem(connection: ConnectionId): ConnectionItem {
  return {
    connection,
    generation: 17,
    tokenSet: fakeTokenSet({
      refreshToken: new Secret("fake-refresh-1"),
      refreshTokenExpiresAt: obtainedAt + 2_592_000.25,
      obtainedBy: "refresh_token",
      username: "admin_webapicorso",
      registeredScope: "webapicorso_alywebapicorso",
      apiBaseUrl: "https://apicorso.test",
      apiKeyId: "key-1",
      keyCreatedAt: obtainedAt - 86_400.125,
      singleActiveToken: true,
      apiRejectedAt: obtainedAt - 60.5,
    }),
    nextActionAt: obtainedAt + 1800.5,
    leaseOwner: "owner-1",
    leaseUntil: obtainedAt + 15.001,
    attemptedAt: obtainedAt + 0.001,
    failures: 3,
    retryAt: obtainedAt + 20,
    lastError: { code: "credentials_rejected", detail: "refused (HTTP 401)", at: obtainedAt + 1.5 },
    rejectedFingerprint: "aaaaaaaaaaaaaaaa",
    skipRefresh: true,
    rejectionReports: {
      aaaaaaaaaaaaaaaa: { count: 3, at: obtainedAt + 1.25 },
      bbbbbbbbbbbbbbbb: { count: 1, at: obtainedAt },
    },
    operatorError: "credentials_rejected",
    registrationCheckedAt: obtainedAt + 2,
    rotationCheckedAt: obtainedAt + 3,
    apiAcceptedAt: obtainedAt + 3.5,
    retiringKeys: {
      "0123456789abcdef": { since: obtainedAt, testedVersion: "version-1", basedOn: "version-1 version-0" },
      fedcba9876543210: {
        since: obtainedAt + 4,
        end: obtainedAt + 5.5,
        id: "key-1",
        checkAgainAt: obtainedAt + 6,
        announcedAt: obtainedAt + 7,
        notifiedAt: obtainedAt + 8,
      },
    },
  };
}
