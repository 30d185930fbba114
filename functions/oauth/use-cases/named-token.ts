import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { catchUnavailable, secretsUnavailable } from "@smart-token-broker/auth-core/rules/failure.ts";
import {
  hasNames,
  isIssuedFor,
  type RegisteredNames,
  type TokenRequirements,
} from "@smart-token-broker/auth-core/rules/tokens/token-set.ts";
import type { Ports } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { readRegistration } from "@smart-token-broker/auth-core/use-cases/read-registration.ts";
import type { Answer, TokenService } from "@smart-token-broker/auth-core/use-cases/token-service.ts";

/**
 * Serves a token that was issued for the names of the request. If the connection's token was issued for others, reads the
 * registration once, which may have changed since. Replaces the token only if the registration has the requested names.
 *
 * Memory may have the token of a former registration. Before an error about that, reads the stored token: at most 3 s more.
 */
export async function namedToken(
  tokens: TokenService,
  ports: Pick<Ports, "registrations" | "notice">,
  connection: ConnectionId,
  requirements: TokenRequirements,
  names: RegisteredNames,
): Promise<Answer | { kind: "other_names" }> {
  const answer = await tokens.get(connection, requirements);
  if (answer.kind === "failure" || isIssuedFor(answer.set, names)) return answer;
  const reading = await readRegistration(ports, connection);
  const required = { ...requirements, registeredAs: names };
  if (reading.kind !== "registered" || !hasNames(reading.registration, names)) {
    const failed: Answer = { kind: "failure", failure: secretsUnavailable };
    const stored = await catchUnavailable(
      async () => (answer.source === "memory" ? tokens.tokenOr(secretsUnavailable, connection, required) : failed),
      () => failed,
    );
    return stored.kind === "token" || reading.kind === "unavailable" ? stored : { kind: "other_names" };
  }
  const named = await tokens.get(connection, required);
  const isGone = named.kind === "failure" && named.failure.code === "unknown_connection";
  return isGone ? { kind: "other_names" } : named;
}
