import { readId, type CommandResult } from "../command.ts";
import { currentRegistration } from "../deployment/registrations.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { expectSecret } from "../deployment/secrets.ts";
import { isErased, statusOfOne } from "../deployment/statuses.ts";
import { describeStatus } from "../status/describe.ts";

/** One connection: what is registered, without its key, and how it is. */
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
  }).flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(26)}${String(value)}`]));
  const told = status && !isErased(status) ? describeStatus(status) : "none yet: the first request gets one\n";
  return {
    text: `registration\n${indented(`${lines.join("\n")}\n`)}tokens\n${indented(told)}`,
    json: { connection, secret: secret.arn, rotation: secret.rotationEnabled, registration, problem, status },
  };
}

const indented = (text: string) => text.replace(/^(?=.)/gm, "  ");
