import type { ConnectionStatus } from "@smart-token-broker/auth-core/rules/status.ts";
import { warningOf } from "@smart-token-broker/auth-core/use-cases/check-secret.ts";
import type { RegistrationReading } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { currentRegistration } from "../deployment/registrations.ts";
import type { SecretFacts } from "../deployment/secrets.ts";
import { broken, type Finding, ok, warning } from "./finding.ts";

/** Secrets read at a time: Secrets Manager throttles an account, and the functions come first. */
const atATime = 4;

/** Reads every secret as the functions do, and judges it with what is stored of its connection. */
export async function checkConnections(
  deployment: Deployment,
  secrets: SecretFacts[],
  statuses: ConnectionStatus[],
): Promise<Finding[]> {
  const statusOf = new Map(statuses.map((status) => [status.connection, status]));
  const waiting = secrets.filter(({ deletedAt }) => deletedAt === undefined);
  if (waiting.length === 0) return [warning("there is no connection yet", "broker connections add ID")];
  const findings: Finding[] = [];
  const now = Date.now() / 1000;
  const everyDays = deployment.rotateApiKeysEveryDays;
  const work = async () => {
    for (let secret = waiting.pop(); secret; secret = waiting.pop()) {
      const reading = await currentRegistration(deployment, secret.connection);
      findings.push(...judgeConnection(secret, reading, statusOf.get(secret.connection), everyDays, now));
    }
  };
  await Promise.all(Array.from({ length: atATime }, work));
  return findings;
}

const mends: Partial<Record<ConnectionStatus["state"], (id: string) => string>> = {
  rejected: (id) => `broker keys stage ${id}`,
  not_ready: (id) => `broker connections show ${id}`,
  expired: (id) => `broker connections renew ${id}`,
  retrying: (id) => `broker status ${id}`,
};

/** What is wrong with one connection; one `ok` where nothing is. Pure. */
function judgeConnection(
  secret: SecretFacts,
  reading: RegistrationReading,
  status: ConnectionStatus | undefined,
  everyDays: number,
  now: number,
): Finding[] {
  const id = secret.connection;
  if (reading.kind !== "registered") {
    const detail = reading.kind === "not_ready" ? reading.detail : "there is no such secret any more";
    return [broken(`${id}: ${detail}`, `broker connections add ${id}`)];
  }
  const findings: Finding[] = reading.warnings.map((said) =>
    warning(`${id}: ${said}`, `broker connections show ${id}`),
  );
  const key = warningOf(secret, reading.registration.keyIssuer !== undefined, everyDays > 0, now);
  if (key) findings.push(warning(`${id}: ${key.detail}`, keyMend(key.reason, id, everyDays)));
  const mend = status && mends[status.state];
  if (status && mend) {
    const said = status.last_error ? `${status.state}, ${status.last_error.detail}` : status.state;
    const judge = status.state === "retrying" ? warning : broken;
    findings.push(judge(`${id}: ${said}`, mend(id)));
  }
  return findings.length > 0 ? findings : [ok(goodAs(secret, id))];
}

function goodAs({ rotationEnabled }: SecretFacts, id: string): string {
  const key = rotationEnabled ? "its key rotates" : "its key is not rotated, as cdk.json has it";
  return `${id}: its secret is readable, ${key}, its token is good`;
}

function keyMend(reason: string, id: string, everyDays: number): string {
  if (reason === "rotation_off") return `broker keys rotate ${id} --every-days ${everyDays} --wait-for-schedule`;
  return reason === "rotation_stuck" ? `broker keys rotate ${id}` : `broker keys stage ${id} --wait-for-schedule`;
}
