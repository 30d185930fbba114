import { randomUUID } from "node:crypto";
import { encodeItem } from "@smart-token-broker/auth-core/adapters/item-codec.ts";
import { callerKeyHash } from "@smart-token-broker/auth-core/rules/callers/caller-key.ts";
import { callersFile, parseCallers } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { partitionOf } from "@smart-token-broker/auth-core/rules/tokens/partition.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import type { TokenSet } from "@smart-token-broker/auth-core/rules/tokens/token-set.ts";
import { tokenEvent } from "../fixtures/token-event.ts";
import { startEmulators } from "../fixtures/emulators.ts";
import type { Attributes } from "../fixtures/table.ts";

/** The embedded parts around a function, behind real sockets. */
export type Parts = Awaited<ReturnType<typeof startParts>>;

export const callerKey = new Secret(`stb_${"fake-key-of-bench_".repeat(4).slice(0, 43)}`);

export async function startParts() {
  const { table, secrets, simulator, variables, secretOf, close } = await startEmulators();
  return {
    table,
    register(connection: string): void {
      const registration = { username: `admin_${connection}`, scope: connection, apiKey: "fake-key-1" };
      simulator.admit(registration);
      const SecretString = JSON.stringify(registration);
      secrets.store.createSecret({ Name: secretOf(connection), SecretString, ClientRequestToken: randomUUID() });
    },
    /** Stores a valid token for each of these connections. Nobody has registered them. */
    fill: (connections: ConnectionId[]) => table.put(...connections.map((each) => storedItem(each, Date.now() / 1000))),
    environment: {
      ...variables,
      AWS_DEFAULT_REGION: variables.AWS_REGION,
      AWS_LAMBDA_FUNCTION_NAME: "token",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "1024",
      TZ: "UTC",
    },
    close,
  };
}

/** `bench-1`, `bench-2`, … */
export function connectionsUpTo(count: number): ConnectionId[] {
  return Array.from({ length: count }, (_, index) => `bench-${index + 1}` as ConnectionId);
}

/**
 * The item of a connection whose token set is like a real one: two tokens of 1.5 KB, an hour.
 *
 * @param obtainedAt instant
 * @param dueAt instant
 */
export function storedItem(connection: ConnectionId, obtainedAt: number, dueAt = obtainedAt + 1800): Attributes {
  const fake = (kind: string) => new Secret(`fake-${kind}-of-${connection}-`.padEnd(1500, "0123456789abcdef"));
  const tokenSet: TokenSet = {
    accessToken: fake("access"),
    accessTokenExpiresAt: obtainedAt + 3600,
    refreshToken: fake("refresh"),
    refreshTokenExpiresAt: obtainedAt + 30 * 86_400,
    obtainedAt,
    obtainedBy: "api_key",
    scope: connection,
    username: `admin_${connection}`,
    registeredScope: connection,
    keyFingerprint: "0123456789abcdef",
    credentialFingerprint: "fedcba9876543210",
    singleActiveToken: false,
    dueAt,
  };
  const item = { connection, generation: 1, failures: 0, nextActionAt: dueAt, tokenSet, retiringKeys: {} };
  return { ...encodeItem(item), partition: { N: String(partitionOf(connection)) } };
}

/** The event of a request by caller key: the caller of `oneCaller` for its only connection. */
export function oauthEvent(): object {
  const { pathParameters: _, ...event } = tokenEvent("none", { rawPath: "/oauth/token", post: "" });
  const credential = { client_id: "bench", client_secret: callerKey.reveal() };
  return {
    ...event,
    routeKey: "POST /oauth/token",
    requestContext: { ...event.requestContext, routeKey: "POST /oauth/token" },
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: String(new URLSearchParams({ grant_type: "client_credentials", ...credential })),
  };
}

/** The list of the oauth function with one caller, who may use this connection. */
export function oneCaller(connection: string): Record<string, string> {
  const caller = { name: "bench", connections: [connection], keySha256: [callerKeyHash(callerKey)] };
  return callersFile(parseCallers([caller], { allowLoopbackHttp: true }), "tokens");
}
