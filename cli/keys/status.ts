import { type CommandResult, readId } from "../command.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { allSecrets, expectSecret, type SecretFacts, unfinishedVersion, versionAt } from "../deployment/secrets.ts";
import { allStatuses, statusOfOne } from "../deployment/statuses.ts";
import { plain, table } from "../terminal/table.ts";
import { timeOfDay } from "../../console/time.ts";

/** Shows for each key: age, staged next key, rotation, and whether one is unfinished. Reads no value of a secret. */
export async function keysStatus(deployment: Deployment, id: string): Promise<CommandResult> {
  const [secrets, statuses] = await (id === "" ? everything(deployment) : one(deployment, id));
  const keys = secrets
    .filter(({ deletedAt }) => deletedAt === undefined)
    .map((secret) => {
      const status = statuses.find(({ connection }) => connection === secret.connection);
      return {
        connection: secret.connection,
        key_fingerprint: status?.key_fingerprint,
        key_age_days: status?.key_age_days,
        next_staged: versionAt(secret, "NEXT") !== undefined,
        rotation: secret.rotationEnabled,
        next_rotation_at: secret.nextRotationAt === undefined ? undefined : iso(secret.nextRotationAt),
        unfinished: unfinishedVersion(secret) !== undefined,
        retiring_keys: status?.retiring_keys ?? [],
      };
    });
  const rows = keys.map((key) => [
    ...plain(
      key.connection,
      key.key_fingerprint ?? "-",
      key.key_age_days === undefined ? "-" : `${key.key_age_days} d`,
    ),
    { text: key.next_staged ? "staged" : "none", paint: key.next_staged ? ("green" as const) : ("yellow" as const) },
    ...plain(rotationText(key)),
  ]);
  const head = plain("CONNECTION", "KEY", "AGE", "NEXT", "ROTATION");
  return { json: keys, text: table([head, ...rows]) };
}

const everything = (deployment: Deployment) => Promise.all([allSecrets(deployment), allStatuses(deployment)]);

async function one(deployment: Deployment, id: string): Promise<Awaited<ReturnType<typeof everything>>> {
  const connection = readId(id);
  const secret: SecretFacts = await expectSecret(deployment, connection);
  const status = await statusOfOne(deployment, connection);
  return [[secret], status ? [status] : []];
}

function rotationText(key: { unfinished: boolean; rotation: boolean; next_rotation_at: string | undefined }): string {
  if (key.unfinished) return "unfinished";
  if (!key.rotation) return "off";
  return key.next_rotation_at === undefined ? "on" : timeOfDay(key.next_rotation_at, Date.now() / 1000);
}

const iso = (instant: number) => new Date(instant * 1000).toISOString();
