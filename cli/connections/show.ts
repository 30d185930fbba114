import { type CommandResult, readId } from "../command.ts";
import { currentRegistration } from "../deployment/registrations.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { expectSecret } from "../deployment/secrets.ts";
import { areTokensDeleted, statusOfOne } from "../deployment/statuses.ts";
import { describeStatus } from "../../console/describe-status.ts";

/** Shows the registration of a connection without its key, and its status. */
export async function showConnection(deployment: Deployment, id: string): Promise<CommandResult> {
  const connection = readId(id);
  const secret = await expectSecret(deployment, connection);
  const [reading, status] = await Promise.all([
    currentRegistration(deployment, connection),
    statusOfOne(deployment, connection),
  ]);
  const registration = reading.kind === "registered" ? { ...reading.registration, apiKey: undefined } : undefined;
  const problem = reading.kind === "not_ready" ? reading.detail : undefined;
  const lines = Object.entries({
    connection,
    secret: secret.arn,
    rotation: secret.rotationEnabled ? "on" : "off",
    ...registration,
    ...(problem !== undefined && { problem }),
  }).flatMap(([name, value]) => (value === undefined ? [] : [`${inWords(name).padEnd(26)}${String(value)}`]));
  const tokens =
    status && !areTokensDeleted(status)
      ? describeStatus(status, Date.now() / 1000, deployment)
      : "No token yet. The first request fetches one.\n";
  return {
    text: `registration\n${indented(`${lines.join("\n")}\n`)}tokens\n${indented(tokens)}`,
    json: { connection, secret: secret.arn, rotation: secret.rotationEnabled, registration, problem, status },
  };
}

/** `keyFingerprint` → `key fingerprint`, as the fields of a status. */
const inWords = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

const indented = (text: string) => text.replace(/^(?=.)/gm, "  ");
