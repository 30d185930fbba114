import { smartServices } from "@smart-token-broker/auth-core/adapters/smart-services.ts";
import { systemClock } from "@smart-token-broker/auth-core/rules/clock.ts";
import type { Registration } from "@smart-token-broker/auth-core/rules/registration.ts";
import { apiKeyRequest } from "@smart-token-broker/auth-core/rules/upstream-request.ts";
import { skew } from "@smart-token-broker/auth-core/rules/token-set.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { CommandError } from "../exit.ts";
import { withProgress } from "../terminal/progress.ts";

/** How to get a key of the simulator's, whose keys nobody else issues. */
function issuing({ simulator }: NonNullable<Deployment["local"]>, { username, scope }: Registration): string {
  const account = JSON.stringify({ username, scope }).replaceAll("'", "'\\''");
  return `the simulator issues a key for it by curl -d '${account}' ${simulator}/_simulator/keys`;
}

/**
 * Exchanges the key of a registration once, from this machine, and throws the token away. Stores nothing.
 *
 * @returns seconds that a token lives
 * @throws CommandError that says what Smart Services did instead
 */
export async function proveByExchange({ local }: Deployment, registration: Registration): Promise<number> {
  const call = smartServices(systemClock()).call(apiKeyRequest(registration), registration);
  const answer = await withProgress(`asking ${registration.baseUrl} for a token`, call);
  switch (answer.kind) {
    case "tokens":
      if (answer.tokens.lifetime > skew) return answer.tokens.lifetime;
      throw new CommandError(
        "failed",
        `Its tokens live ${answer.tokens.lifetime} s: the broker takes the last ${skew} s for none.`,
      );
    case "rejected":
      throw new CommandError(
        "denied",
        `Smart Services refused username, scope and key (HTTP ${answer.status}): ${local ? issuing(local, registration) : "check all three"}.`,
      );
    case "malformed":
      throw new CommandError("failed", `${registration.baseUrl} answered no token but ${answer.shape}: check baseUrl.`);
    case "temporary":
      throw new CommandError(
        "unreachable",
        `${registration.baseUrl} does not answer as it should (${answer.reason}): repeat it later, or with --skip-exchange.`,
      );
  }
}
