import { writeFile } from "node:fs/promises";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { readId, readWhole } from "../command.ts";
import { makeDue } from "../connections/renew.ts";
import { changeRegistration } from "../connections/set.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { currentRegistration } from "../deployment/registrations.ts";
import { expectSecret } from "../deployment/secrets.ts";
import { CommandError } from "../exit.ts";
import { confirmed, offered } from "../terminal/ask.ts";
import { type Behaviour, profileOf } from "./behaviour.ts";
import { type Finding, ok } from "./finding.ts";
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
  if (options.saveProfile !== undefined) await saveProfile(options.saveProfile, "");
  const seen = await renewing(deployment, connection, () => probe(reading.registration, observe));
  const { findings, offer } = judgeBehaviour(connection, reading.registration, seen);
  if (options.saveProfile !== undefined) {
    await saveProfile(options.saveProfile, `${JSON.stringify(profileOf(seen), null, 2)}\n`);
    findings.push(ok(`the profile is in ${options.saveProfile}: npm start -- --profile ${options.saveProfile}`));
  }
  const fields = JSON.stringify(offer);
  if (fields !== "{}" && (options.apply || (await offered(`Set ${fields} in the registration?`)))) {
    await changeRegistration(deployment, connection, offer, true);
    findings.push(ok(`${connection}: ${fields} is set in its registration`));
  }
  return findings;
}

/** Has the sweep replace what a probe may have killed, however the probe ends: it did, unless the old token was seen alive. */
async function renewing(
  deployment: Deployment,
  connection: ConnectionId,
  probing: () => Promise<Behaviour>,
): Promise<Behaviour> {
  const onInterrupt = () => void makeDue(deployment, connection).finally(() => process.exit(130));
  process.once("SIGINT", onInterrupt);
  let seen: Behaviour | undefined;
  try {
    seen = await probing();
    return seen;
  } finally {
    process.off("SIGINT", onInterrupt);
    if (seen?.singleActiveToken !== false) await makeDue(deployment, connection);
  }
}

/** Throws CommandError. Called before the probe too: what was found must not be lost for want of a file. */
async function saveProfile(file: string, text: string): Promise<void> {
  await writeFile(file, text).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError("usage", `The file ${file} cannot be written (${error.code}): name another.`);
  });
}
