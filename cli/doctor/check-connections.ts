import type { DeployedCallers } from "@smart-token-broker/auth-core/rules/callers/deployed-callers.ts";
import { type KeyActionReason, keyActions } from "@smart-token-broker/auth-core/rules/keys/key-action.ts";
import type { ConnectionStatus } from "@smart-token-broker/status/rules/connection-status.ts";
import { warningOf } from "@smart-token-broker/token-rotation/use-cases/check-secret.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { currentRegistration } from "../deployment/registrations.ts";
import type { SecretFacts } from "../deployment/secrets.ts";
import { areTokensDeleted } from "../deployment/statuses.ts";
import { isAttemptDue } from "../../console/cause.ts";
import { missingApi } from "../../console/missing-api.ts";
import { checkPending } from "./check-pending.ts";
import { broken, type Finding, ok, tryCheck, warning } from "./finding.ts";

/** Secrets read at a time: Secrets Manager throttles an account, and the functions have priority. */
const concurrency = 4;

/** `none`: never requested. `unread`: the status could not be read. */
type Status = ConnectionStatus | "none" | "unread";

/** Checks each connection: its secret, read as the functions do, and its status. */
export async function checkConnections(
  deployment: Deployment,
  secrets: SecretFacts[],
  statuses: ConnectionStatus[] | undefined,
  callers: DeployedCallers,
): Promise<Finding[]> {
  const statusOf = statuses && new Map(statuses.map((status) => [status.connection, status]));
  const queue = secrets.filter(({ deletedAt }) => deletedAt === undefined);
  if (queue.length === 0) return [warning("There is no connection yet", "broker connections add ID")];
  const findings: Finding[] = [];
  const now = Date.now() / 1000;
  const work = async () => {
    for (let secret = queue.pop(); secret; secret = queue.pop()) {
      const status = statusOf ? (statusOf.get(secret.connection) ?? "none") : "unread";
      findings.push(...(await checkConnection(deployment, secret, status, callers, now)));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return findings;
}

/** The problems of one connection; one `ok` if it has none. */
async function checkConnection(
  deployment: Deployment,
  secret: SecretFacts,
  status: Status,
  callers: DeployedCallers,
  now: number,
): Promise<Finding[]> {
  const id = secret.connection;
  const problems = [
    ...(await tryCheck(`the secret of ${id}`, checkSecret(deployment, secret, callers, now))),
    ...(typeof status === "object" && !areTokensDeleted(status) ? stateFindings(status, now) : []),
  ];
  return problems.length > 0 ? problems : [ok(okText(secret, status))];
}

async function checkSecret(
  deployment: Deployment,
  secret: SecretFacts,
  callers: DeployedCallers,
  now: number,
): Promise<Finding[]> {
  const id = secret.connection;
  const reading = await currentRegistration(deployment, id);
  if (reading.kind === "not_ready" && reading.unreadable) {
    const fix = "enable the KMS key, or grant your role its use (docs/cli.md#permissions)";
    return [warning(`${id}: ${reading.detail}`, fix)];
  }
  const pending = await checkPending(
    deployment,
    secret,
    reading.kind === "registered" ? reading.registration : undefined,
  );
  if (reading.kind !== "registered") {
    const detail = reading.kind === "not_ready" ? reading.detail : "the secret no longer exists";
    return [broken(`${id}: ${detail}`, `broker connections add ${id}`), ...pending];
  }
  const everyDays = deployment.rotateApiKeysEveryDays;
  const key = warningOf(secret, reading.registration.keyIssuer !== undefined, everyDays > 0, now);
  const missing = missingApi(id, reading.registration.apiBaseUrl, callers);
  return [
    ...(missing ? [warning(`${id}: ${missing.why}`, `broker ${missing.fix.args}`)] : []),
    ...reading.warnings.map((text) => warning(`${id}: ${text}`, `broker connections show ${id}`)),
    ...pending,
    ...(key && !(pending.length > 0 && key.reason === "rotation_stuck")
      ? [warning(`${id}: ${key.detail}`, keyFix(key.reason, id, everyDays))]
      : []),
  ];
}

/** `broker` … `ID` */
const stateFixes: Partial<Record<ConnectionStatus["state"], string>> = {
  rejected: "keys stage",
  not_ready: "connections renew",
  expired: "connections renew",
  retrying: "status",
};

/** The finding for a state in which an operator should act. Pure. */
function stateFindings(status: ConnectionStatus, now: number): Finding[] {
  const { connection, state, last_error: error } = status;
  // A valid key may be stored already, and waits for the next attempt: the status says so.
  const fix = state === "rejected" && isAttemptDue(status, now) ? "status" : stateFixes[state];
  if (fix === undefined) return [];
  const finding = state === "retrying" ? warning : broken;
  return [finding(`${connection}: ${error ? `${state}, ${error.detail}` : state}`, `broker ${fix} ${connection}`)];
}

function okText({ connection, rotationEnabled }: SecretFacts, status: Status): string {
  const rotation = rotationEnabled ? "on" : "off, as in the settings";
  const hasToken = typeof status === "object" && status.access_token_expires_at !== undefined;
  const token = status === "unread" ? "status unknown" : hasToken ? "token valid" : "no token yet";
  return `${connection}: secret readable, key rotation ${rotation}, ${token}`;
}

function keyFix(reason: Exclude<KeyActionReason, "issuer_failed">, id: string, everyDays: number): string {
  if (reason === "rotation_off") return `broker keys rotate ${id} --every-days ${everyDays} --wait-for-schedule`;
  return `broker ${keyActions[reason].command(id)}`;
}
