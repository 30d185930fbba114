import { writeFile } from "node:fs/promises";
import { readId, readInteger } from "../command.ts";
import { actThenRenew } from "../connections/make-due.ts";
import { changeRegistration } from "../connections/set.ts";
import { type Deployment, expectLoopback } from "../deployment/deployment.ts";
import { expectRegistration } from "../deployment/registrations.ts";
import { expectSecret } from "../deployment/secrets.ts";
import { CommandError } from "../exit.ts";
import { confirmed, offered } from "../terminal/ask.ts";
import { profileOf } from "./behaviour.ts";
import { behaviourFindings } from "./behaviour-findings.ts";
import { type Finding, ok, warning } from "./finding.ts";
import { probe } from "./probe.ts";

export interface ProbeOptions {
  observe: string;
  apply?: boolean;
  saveProfile?: string;
  yes?: boolean;
}

/** Probes Smart Services for one connection, then saves and applies the result as the options say. */
export async function probeConnection(deployment: Deployment, id: string, options: ProbeOptions): Promise<Finding[]> {
  const connection = readId(id);
  const observe = readInteger("--observe", options.observe, 0, 86_400);
  await expectSecret(deployment, connection);
  const registration = await expectRegistration(deployment, connection);
  const { baseUrl, apiBaseUrl = baseUrl } = registration;
  for (const url of [baseUrl, apiBaseUrl]) {
    expectLoopback(deployment, url, "Probe it from a deployment on AWS: broker doctor --probe, without --local.");
  }
  const risk = "If Smart Services keeps one active token, the callers' token becomes invalid until it is replaced";
  await confirmed(`The probe requests real tokens for ${connection}. ${risk}. Continue?`, options.yes ?? false);
  if (options.saveProfile !== undefined) await expectWritable(options.saveProfile);
  const { result: observed, renewal } = await actThenRenew(
    deployment,
    connection,
    () => probe(registration, observe),
    // The probe may have invalidated the callers' token, unless it saw an older token stay valid.
    ({ singleActiveToken }) => singleActiveToken !== false,
  );
  const { findings, offer } = behaviourFindings(connection, registration, observed);
  if (options.saveProfile !== undefined) {
    await writeFile(options.saveProfile, `${JSON.stringify(profileOf(observed), null, 2)}\n`);
    findings.push(ok(`Saved the profile. Use it: npm start -- --profile ${options.saveProfile}`));
  }
  if (renewal?.warning !== undefined) {
    findings.push(warning(`${connection}: ${renewal.warning}`, `broker connections renew ${connection}`));
  }
  const fields = JSON.stringify(offer);
  if (fields !== "{}" && (options.apply || (await offered(`Set ${fields} in the registration?`)))) {
    await changeRegistration(deployment, connection, offer, true);
    findings.push(ok(`${connection}: set ${fields} in the registration`));
  }
  return findings;
}

/** Throws CommandError if the file cannot be written. Called before the probe, so that no result is lost. */
async function expectWritable(file: string): Promise<void> {
  // Appends nothing: the old content stays until there is a new one.
  await writeFile(file, "", { flag: "a" }).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError("usage", `The file of --save-profile cannot be written (${error.code}). Give another name.`);
  });
}
