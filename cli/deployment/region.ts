import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { didYouMean } from "@smart-token-broker/auth-core/rules/did-you-mean.ts";
import { CommandError } from "../exit.ts";
import { enabledForAll } from "./regions.ts";

/** A region, and what chose it: shown in errors, because several things can. */
export interface ChosenRegion {
  region: string;
  source: "--region" | "AWS_REGION" | "AWS_DEFAULT_REGION" | "the AWS profile";
}

/** `eu-south-1`, `us-gov-west-1`, `eusc-de-east-1`. */
const regionName = /^[a-z]{2,4}(-[a-z]+){1,3}-\d{1,2}$/;

/**
 * Chooses the region: the option, AWS_REGION, AWS_DEFAULT_REGION, then the profile's. The SDK for JavaScript ignores
 * AWS_DEFAULT_REGION, which the AWS command line reads.
 *
 * @throws CommandError without a region, or with a malformed one
 */
export async function chooseRegion(option: string | undefined): Promise<ChosenRegion> {
  const { AWS_REGION, AWS_DEFAULT_REGION } = process.env;
  const found: [ChosenRegion["source"], string | undefined][] = [
    ["--region", option],
    ["AWS_REGION", AWS_REGION],
    ["AWS_DEFAULT_REGION", AWS_DEFAULT_REGION],
  ];
  // The SDK rejects an empty variable before it reads the profile. The AWS command line ignores it.
  if (AWS_REGION === "") delete process.env["AWS_REGION"];
  // An empty option is a mistake.
  const given = found.find(([source, region]) => (source === "--region" ? region !== undefined : region));
  const [source, region = ""] = given ?? (["the AWS profile", await regionOfProfile()] as const);
  if (regionName.test(region)) return { region, source };
  throw new CommandError("usage", `The region of ${source} is not a region's name such as eu-south-1.`);
}

async function regionOfProfile(): Promise<string> {
  try {
    return await new CloudFormationClient({}).config.region();
  } catch (error) {
    if (!(error instanceof Error && /Region is missing/.test(error.message))) throw error;
    throw new CommandError(
      "usage",
      "No AWS region is set. For the local run (npm start), add --local. For a deployment, add --region, set AWS_REGION or AWS_DEFAULT_REGION, or name a profile that has a region (--profile, AWS_PROFILE).",
    );
  }
}

/**
 * Makes all AWS clients use a profile. Keys in the environment would make the SDK print a warning.
 *
 * @throws CommandError if no file has the profile: AWS's errors would be about the region or the credentials
 */
export async function useProfile(profile: string): Promise<void> {
  const profiles = await profilesInFiles();
  if (!profiles.includes(profile)) {
    // A name that is not a plain word may be a key in the wrong place.
    const named = /^[A-Za-z]{1,24}$/.test(profile) ? ` ${profile}` : " of this name";
    throw new CommandError(
      "usage",
      `There is no AWS profile${named}.${didYouMean(profile, profiles)} Check --profile, and your AWS files: config and credentials.`,
    );
  }
  process.env["AWS_PROFILE"] = profile;
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]) delete process.env[name];
}

/**
 * The names of all profiles: `[profile NAME]` in the config file, `[NAME]` in that of the credentials.
 *
 * Source: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 */
async function profilesInFiles(): Promise<string[]> {
  const { AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE } = process.env;
  const files = [
    AWS_CONFIG_FILE || join(homedir(), ".aws", "config"),
    AWS_SHARED_CREDENTIALS_FILE || join(homedir(), ".aws", "credentials"),
  ];
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
  return texts.flatMap((text) =>
    [...text.matchAll(/^\s*\[\s*(?:profile\s+)?(.+?)\s*\]/gm)].map(([, name = ""]) =>
      name.replace(/^(["'])(.*)\1$/, "$2"),
    ),
  );
}

/** AWS's errors for credentials that it does not know, also for valid ones in a region that is not enabled. */
const notAccepted = /UnrecognizedClient|InvalidClientTokenId|OptInRequired/;

/**
 * The error to throw instead of AWS's if the account may have to enable the region first; else the same error.
 *
 * @param profile the option of the AWS command line, or nothing
 */
export function asRegionError(error: unknown, { region, source }: ChosenRegion, profile: string): unknown {
  if (!(error instanceof Error && notAccepted.test(error.name))) return error;
  if (enabledForAll.has(region) || /^(cn|us-gov|us-iso\w*|eusc)-/.test(region)) return error;
  return new CommandError(
    "denied",
    `AWS does not accept these credentials in ${region} (from ${source}), an opt-in region. Enable it, which takes minutes to hours: aws account enable-region --region-name ${region}${profile}. If aws account get-region-opt-status --region-name ${region}${profile} prints ENABLED, sign in again.`,
  );
}
