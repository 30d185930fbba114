import { writeFile } from "node:fs/promises";
import { readId, readWhole } from "../command.ts";
import { renewing } from "../connections/renew.ts";
import { changeRegistration } from "../connections/set.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { currentRegistration } from "../deployment/registrations.ts";
import { expectSecret } from "../deployment/secrets.ts";
import { CommandError } from "../exit.ts";
import { confirmed, offered } from "../terminal/ask.ts";
import { profileOf } from "./behaviour.ts";
import { type Finding, ok, warning } from "./finding.ts";
import { judgeBehaviour } from "./judge-behaviour.ts";
import { probe } from "./probe.ts";

export interface ProbeOptions {
  observe: string;
  apply?: boolean;
  saveProfile?: string;
  yes?: boolean;
}

/** Probes one connection's upstream, and does with the result what was asked for. */
export async function probeConnection(deployment: Deployment, id: string, options: ProbeOptions): Promise<Finding[]> {
  const connection = readId(id);
  const observe = readWhole("--observe", options.observe, 0, 86_400);
  await expectSecret(deployment, connection);
  const reading = await currentRegistration(deployment, connection);
  if (reading.kind !== "registered") {
    throw new CommandError("failed", `${connection} has no usable value: broker connections show ${connection}.`);
  }
  const risk = "if its upstream keeps one active token, that of its callers dies until it is renewed";
  await confirmed(`Probing makes real exchanges for ${connection}; ${risk}. Go on?`, options.yes ?? false);
  if (options.saveProfile !== undefined) await expectWritable(options.saveProfile);
  const { result: seen, warning: untimely } = await renewing(
    deployment,
    connection,
    () => probe(reading.registration, observe),
    // It may have killed the callers' token, unless one before was seen alive.
    ({ singleActiveToken }) => singleActiveToken !== false,
  );
  const { findings, offer } = judgeBehaviour(connection, reading.registration, seen);
  if (options.saveProfile !== undefined) {
    await writeFile(options.saveProfile, `${JSON.stringify(profileOf(seen), null, 2)}\n`);
    findings.push(ok(`the profile is in ${options.saveProfile}: npm start -- --profile ${options.saveProfile}`));
  }
  if (untimely !== undefined)
    findings.push(warning(`${connection}: ${untimely}`, `broker connections renew ${connection}`));
  const fields = JSON.stringify(offer);
  if (fields !== "{}" && (options.apply || (await offered(`Set ${fields} in the registration?`)))) {
    await changeRegistration(deployment, connection, offer, true);
    findings.push(ok(`${connection}: ${fields} is set in its registration`));
  }
  return findings;
}

/** Throws CommandError where a profile could not be written: what a probe finds must not be lost for want of a file. */
async function expectWritable(file: string): Promise<void> {
  // Appends nothing: what is in the file stays until there is something to put in its place.
  await writeFile(file, "", { flag: "a" }).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError("usage", `The file of --save-profile cannot be written (${error.code}): name another.`);
  });
}
