import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { CommandError } from "../exit.ts";

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
 */
export function useProfile(profile: string): void {
  process.env["AWS_PROFILE"] = profile;
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]) delete process.env[name];
}

/** The regions that every account has. AWS lets an account opt in to each region that is newer (March 2019). */
const enabledForAll = new Set(
  "us-east-1 us-east-2 us-west-1 us-west-2 ca-central-1 sa-east-1 eu-central-1 eu-north-1 eu-west-1 eu-west-2 eu-west-3 ap-south-1 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-southeast-1 ap-southeast-2".split(
    " ",
  ),
);

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
