import { smartServices } from "@smart-token-broker/auth-core/adapters/smart-services.ts";
import { systemClock } from "@smart-token-broker/auth-core/rules/clock.ts";
import type { Registration } from "@smart-token-broker/auth-core/rules/upstream/registration.ts";
import { apiKeyRequest } from "@smart-token-broker/auth-core/rules/upstream/upstream-request.ts";
import { skew } from "@smart-token-broker/auth-core/rules/tokens/token-set.ts";
import { type Deployment, expectLoopback } from "../deployment/deployment.ts";
import { CommandError } from "../exit.ts";
import { withProgress } from "../terminal/progress.ts";

/** What to do if the simulator rejects a key. */
function simulatorAdvice({ simulator }: NonNullable<Deployment["local"]>, { username, scope }: Registration): string {
  const account = JSON.stringify({ username, scope }).replaceAll("'", "'\\''");
  const rule = "The simulator accepts only keys that it issued, and in the scenario revoked none from before it";
  return `${rule}. Get a key: curl -d '${account}' ${simulator}/_simulator/keys`;
}

/**
 * Requests one token with the API key of a registration, from this machine. Stores nothing, not even the token.
 *
 * @param canSkip whether the command has --skip-exchange
 * @returns the lifetime of the token in seconds
 * @throws CommandError with what Smart Services did instead
 */
export async function verifyKey(deployment: Deployment, registration: Registration, canSkip = true): Promise<number> {
  const { baseUrl } = registration;
  const advice = "Add --skip-exchange: the local run itself then calls it with the key.";
  expectLoopback(deployment, baseUrl, canSkip ? advice : "The local run itself may call it: see its log.");
  const call = smartServices(systemClock()).call(apiKeyRequest(registration), registration);
  const result = await withProgress(`Requesting a token from ${baseUrl}`, call);
  switch (result.kind) {
    case "tokens": {
      const { lifetime } = result.tokens;
      if (lifetime > skew) return lifetime;
      const problem = `Tokens last ${lifetime} s, and the broker treats a token with ${skew} s left as expired`;
      throw new CommandError("failed", `${problem}. Check maxLifetime.`);
    }
    case "rejected": {
      const next = deployment.local ? simulatorAdvice(deployment.local, registration) : "Check all three.";
      const problem = `Smart Services rejected username, scope or key (HTTP ${result.status})`;
      throw new CommandError("denied", `${problem}. ${next}`);
    }
    case "malformed":
      throw new CommandError("failed", `${baseUrl} sent no token but ${result.shape}. Check baseUrl.`);
    case "temporary":
      throw new CommandError(
        "unreachable",
        `${baseUrl} is unavailable (${result.reason}). Retry later${canSkip ? ", or add --skip-exchange to skip the verification" : ""}.`,
      );
  }
}
