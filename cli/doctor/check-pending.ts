import type { Registration } from "@smart-token-broker/auth-core/rules/upstream/registration.ts";
import { secretName } from "@smart-token-broker/auth-core/rules/settings.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { type SecretFacts, unfinishedVersion, versionAt, versionsOf } from "../deployment/secrets.ts";
import { timeOfDay } from "../../console/time.ts";
import { type Finding, warning } from "./finding.ts";

/**
 * Finds a rotation that has started and stored no next key: Secrets Manager made a version with AWSPENDING, and the
 * function did not run, or could not remove the label after its failure.
 *
 * @param registration the current one; `undefined` if the secret has no usable value
 */
export async function checkPending(
  deployment: Deployment,
  secret: SecretFacts,
  registration: Registration | undefined,
): Promise<Finding[]> {
  const { connection } = secret;
  const version = unfinishedVersion(secret);
  if (version === undefined) return [];
  const secrets = versionsOf(deployment);
  if ((await secrets.read(secrets.idOf(connection), { version, label: "AWSPENDING" })) !== undefined) return [];
  const since =
    secret.lastChangedAt === undefined ? "" : ` (changed ${timeOfDay(secret.lastChangedAt, Date.now() / 1000)})`;
  const canRestart = registration && (registration.keyIssuer !== undefined || versionAt(secret, "NEXT") !== undefined);
  return [
    warning(
      `${connection}: a rotation has started, and AWSPENDING has no value${since}. If that is more than 4 minutes ago, it is stuck, and no other rotation of this key can start`,
      canRestart
        ? `broker keys rotate ${connection}`
        : `aws secretsmanager update-secret-version-stage --secret-id ${secretName(deployment, connection)} --version-stage AWSPENDING --remove-from-version-id ${version}`,
    ),
  ];
}
