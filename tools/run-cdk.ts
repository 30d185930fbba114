import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { settingNames } from "../infra/settings/schemas.ts";
import { fileOfStage } from "../infra/settings/stage.ts";
import { type Account, findAccount, findRegion } from "./aws-target.ts";
import { type CdkCommand, CdkUsageError, readCdkArguments } from "./cdk-arguments.ts";

interface Ports {
  print: (line: string) => void;
  /** Path of the CDK's command line. */
  cdk?: string;
  /** The context in cdk.json. */
  context?: Record<string, unknown>;
}

/**
 * Runs a command of `cdk` for a stage. Before one that changes the account, it checks region and credentials, and prints where
 * it acts.
 *
 * @returns the exit status of `cdk`
 * @throws CdkUsageError before it starts `cdk`: there is no region, or the region rejects the credentials
 */
export async function runCdk(
  command: CdkCommand,
  args: string[],
  { print, cdk = fileURLToPath(import.meta.resolve("aws-cdk/bin/cdk")), context = contextInCdkJson() }: Ports,
): Promise<number> {
  const {
    stage,
    stageFrom,
    region: ofOption,
    profile,
    output,
    isQuestion,
    namesStack,
    forCdk,
  } = readCdkArguments(command, args, context);
  const start = (more: string[], env = {}) => startCdk(cdk, [command, ...more, ...forCdk], env);
  if (isQuestion) return start([]);
  if (command === "synth" && namesStack) return start([]);
  if (command === "synth") {
    const status = await start(["--quiet"]);
    if (status === 0) print(`The templates are in ${output}: NAME.template.json for each stack.`);
    return status;
  }

  // `cdk bootstrap` prepares an account and region, for all stages.
  if (command === "deploy") print(`stage    ${stage} (${stageFrom}): ${fileOfStage(stage)}`);
  const inCdkJson = settingNames.filter((name) => Object.hasOwn(context, name));
  if (inCdkJson.length > 0) {
    print(`warning  cdk.json (context) has ${inCdkJson.join(", ")}: the file of the stage does not count for them.`);
  }
  const found = ofOption === undefined ? await findRegion(profile) : { region: ofOption, from: "--region" };
  if (!found) {
    throw new CdkUsageError(
      "No region: AWS_REGION and AWS_DEFAULT_REGION are not set, and the profile has no region. Nothing was deployed; the CDK alone would take us-east-1. Set it, for example: export AWS_REGION=eu-central-1",
    );
  }
  const { region, from } = found;
  print(`region   ${region} (${from})`);
  const account = await findAccount(region, profile);
  if (account.kind === "rejected") throw new CdkUsageError(rejection(region, account));
  print(
    account.kind === "known"
      ? `account  ${account.account} (${account.arn})`
      : `account  unknown: ${account.reason}. If the CDK cannot resolve it either, sign in, for example with: aws sso login`,
  );
  return start(namesStack || command === "bootstrap" ? [] : ["--all"], { AWS_REGION: region });
}

function rejection(region: string, { code, account }: Account & { kind: "rejected" }): string {
  if (account === undefined) {
    return `STS in ${region} rejects the credentials (${code}). Nothing was deployed. Get new ones, for example with: aws sso login`;
  }
  return `Region ${region} rejects the credentials (${code}), but us-east-1 accepts them: account ${account} has not enabled the region, or they are a session token of the global STS endpoint. Nothing was deployed. Enable the region (minutes, sometimes hours): aws account enable-region --region-name ${region}. See whether it is: aws account get-region-opt-status --region-name ${region}`;
}

/** Its output is the one of `cdk`. Ctrl-C reaches `cdk` too: this process waits for its end. */
function startCdk(cdk: string, args: string[], env: Record<string, string>): Promise<number> {
  const child = spawn(process.execPath, [cdk, ...args], { stdio: "inherit", env: { ...process.env, ...env } });
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const wait = (signal: NodeJS.Signals) => {
    if (signal !== "SIGINT") child.kill(signal);
  };
  for (const signal of signals) process.on(signal, wait);
  return new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (status) => resolve(status ?? 1));
  }).finally(() => signals.forEach((signal) => process.off(signal, wait)));
}

function contextInCdkJson(): Record<string, unknown> {
  const { context = {} } = JSON.parse(readFileSync(join(import.meta.dirname, "../cdk.json"), "utf8")) as {
    context?: Record<string, unknown>;
  };
  return context;
}
