import type { ConnectionStatus } from "@smart-token-broker/status/connection-status.ts";
import { warningOf } from "@smart-token-broker/token-rotation/check-secret.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { currentRegistration } from "../deployment/registrations.ts";
import type { SecretFacts } from "../deployment/secrets.ts";
import { isErased } from "../deployment/statuses.ts";
import { broken, type Finding, ok, orUnknown, warning } from "./finding.ts";

/** Secrets read at a time: Secrets Manager throttles an account, and the functions come first. */
const atATime = 4;

/** Reads every secret as the functions do, and judges it with what is stored of its connection. */
export async function checkConnections(
  deployment: Deployment,
  secrets: SecretFacts[],
  statuses: ConnectionStatus[] | undefined,
): Promise<Finding[]> {
  const statusOf = statuses && new Map(statuses.map((status) => [status.connection, status]));
  const waiting = secrets.filter(({ deletedAt }) => deletedAt === undefined);
  if (waiting.length === 0) return [warning("there is no connection yet", "broker connections add ID")];
  const findings: Finding[] = [];
  const now = Date.now() / 1000;
  const work = async () => {
    for (let secret = waiting.pop(); secret; secret = waiting.pop()) {
      findings.push(
        ...(await examine(deployment, secret, statusOf ? (statusOf.get(secret.connection) ?? "none") : "unread", now)),
      );
    }
  };
  await Promise.all(Array.from({ length: atATime }, work));
  return findings;
}

/** What is wrong with one connection; one `ok` where nothing is. */
async function examine(
  deployment: Deployment,
  secret: SecretFacts,
  status: ConnectionStatus | "none" | "unread",
  now: number,
): Promise<Finding[]> {
  const id = secret.connection;
  const found = [
    ...(await orUnknown(`${id}: its secret`, examineSecret(deployment, secret, now))),
    ...(typeof status === "object" && !isErased(status) ? judgeStatus(id, status) : []),
  ];
  return found.length > 0 ? found : [ok(goodAs(secret, status, id))];
}

async function examineSecret(deployment: Deployment, secret: SecretFacts, now: number): Promise<Finding[]> {
  const id = secret.connection;
  const reading = await currentRegistration(deployment, id);
  if (reading.kind === "not_ready" && reading.unreadable) {
    return [warning(`${id}: ${reading.detail}`, "enable the KMS key, or grant your role its use (docs/cli.md)")];
  }
  if (reading.kind !== "registered") {
    const detail = reading.kind === "not_ready" ? reading.detail : "there is no such secret any more";
    return [broken(`${id}: ${detail}`, `broker connections add ${id}`)];
  }
  const everyDays = deployment.rotateApiKeysEveryDays;
  const key = warningOf(secret, reading.registration.keyIssuer !== undefined, everyDays > 0, now);
  return [
    ...reading.warnings.map((said) => warning(`${id}: ${said}`, `broker connections show ${id}`)),
    ...(key ? [warning(`${id}: ${key.detail}`, keyMend(key.reason, id, everyDays))] : []),
  ];
}

const fixes: Partial<Record<ConnectionStatus["state"], (id: string) => string>> = {
  rejected: (id) => `broker keys stage ${id}`,
  not_ready: (id) => `broker connections renew ${id}`,
  expired: (id) => `broker connections renew ${id}`,
  retrying: (id) => `broker status ${id}`,
};

/** Whether a state is one to act on. Pure. */
function judgeStatus(id: string, { state, last_error: error }: ConnectionStatus): Finding[] {
  const fix = fixes[state];
  if (!fix) return [];
  const judge = state === "retrying" ? warning : broken;
  return [judge(`${id}: ${error ? `${state}, ${error.detail}` : state}`, fix(id))];
}

function goodAs({ rotationEnabled }: SecretFacts, status: ConnectionStatus | "none" | "unread", id: string): string {
  const key = rotationEnabled ? "its key rotates" : "its key is not rotated, as cdk.json has it";
  const hasToken = typeof status === "object" && status.access_token_expires_at !== undefined;
  const token = hasToken ? "its token is good" : "no token of it was got yet";
  return `${id}: its secret is readable, ${key}, ${status === "unread" ? "its state was not read" : token}`;
}

function keyMend(reason: string, id: string, everyDays: number): string {
  if (reason === "rotation_off") return `broker keys rotate ${id} --every-days ${everyDays} --wait-for-schedule`;
  return reason === "rotation_stuck" ? `broker keys rotate ${id}` : `broker keys stage ${id} --wait-for-schedule`;
}
