import { writeFile } from "node:fs/promises";
import { dynamoDbTokenTable } from "@smart-token-broker/auth-core/adapters/dynamodb.ts";
import { readId, readWhole } from "../command.ts";
import { changeRegistration } from "../connections/set.ts";
import { clientConfig, type Deployment } from "../deployment/deployment.ts";
import { currentRegistration } from "../deployment/registrations.ts";
import { expectSecret } from "../deployment/secrets.ts";
import { CommandError } from "../exit.ts";
import { confirmed, offered } from "../terminal/ask.ts";
import { profileOf } from "./behaviour.ts";
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
  const seen = await probe(reading.registration, observe);
  const { findings, offer } = judgeBehaviour(connection, reading.registration, seen);
  if (options.saveProfile !== undefined) {
    await saveProfile(options.saveProfile, profileOf(seen));
    findings.push(ok(`the profile is in ${options.saveProfile}: npm start -- --profile ${options.saveProfile}`));
  }
  const fields = JSON.stringify(offer);
  const isWanted = fields !== "{}" && (options.apply || (await offered(`Set ${fields} in the registration?`)));
  if (isWanted) {
    await changeRegistration(deployment, connection, offer, true);
    findings.push(ok(`${connection}: ${fields} is set in its registration`));
  }
  // Whatever the probe killed is replaced by the next sweep.
  if (isWanted || seen.singleActiveToken) {
    await dynamoDbTokenTable(deployment.tableName, clientConfig(deployment, "dynamodb")).makeDue(
      connection,
      Date.now() / 1000,
    );
  }
  return findings;
}

async function saveProfile(file: string, profile: object): Promise<void> {
  await writeFile(file, `${JSON.stringify(profile, null, 2)}\n`).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError("usage", `The file ${file} cannot be written (${error.code}): name another.`);
  });
}
