import { readId, type Said } from "../command.ts";
import { currentRegistration } from "../deployment/registrations.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { expectSecret } from "../deployment/secrets.ts";
import { statusOfOne } from "../deployment/statuses.ts";
import { describeStatus } from "../status/describe.ts";

/** One connection: what is registered, without its key, and how it is. */
export async function showConnection(deployment: Deployment, id: string): Promise<Said> {
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
  const told = status ? describeStatus(status) : "nobody has asked for it yet\n";
  return {
    text: `${lines.join("\n")}\n${told}`,
    json: { connection, secret: secret.arn, rotation: secret.rotationEnabled, registration, problem, status },
  };
}
