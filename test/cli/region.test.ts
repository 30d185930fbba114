import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { stacksWith, startAwsStandIn, type StandIn } from "./aws-stand-in.ts";
import type { Deployment } from "../../cli/deployment/deployment.ts";
import { findingsResult, warning } from "../../cli/doctor/finding.ts";
import { broker, expectError } from "./harness.ts";

const folder = mkdtempSync(join(tmpdir(), "region-test-"));
const [config, credentials] = [join(folder, "config"), join(folder, "credentials")];
writeFileSync(config, "[default]\nregion = eu-west-1\n[profile other]\nregion = eu-west-2\n[profile bare]\n");
writeFileSync(
  credentials,
  ["default", "other", "it's mine"]
    .map((name) => `[${name}]\naws_access_key_id = FAKE${name.slice(0, 8)}\naws_secret_access_key = fake-secret\n`)
    .join(""),
);

// One for each test: requests of an earlier one may still come.
let aws: StandIn;
let standIn: Awaited<ReturnType<typeof startAwsStandIn>>;
beforeEach(async () => {
  aws = { stacks: {}, signers: [] };
  standIn = await startAwsStandIn(aws);
});
afterEach(() => standIn.close());

const run = (args: string[], env: Record<string, string> = {}) =>
  broker(["keys", "status", "nobody", ...args], {
    env: {
      AWS_CONFIG_FILE: config,
      AWS_SHARED_CREDENTIALS_FILE: credentials,
      AWS_ENDPOINT_URL: standIn.url,
      ...env,
    },
  });
const variables = { AWS_REGION: "eu-north-1", AWS_DEFAULT_REGION: "eu-south-2" };
const ofEnvironment = { AWS_ACCESS_KEY_ID: "FAKEenv", AWS_SECRET_ACCESS_KEY: "fake-secret" };

test.each<[string, string, string[], Record<string, string>]>([
  ["ap-south-1 (from --region)", "FAKEdefault", ["--region", "ap-south-1"], variables],
  ["eu-north-1 (from AWS_REGION)", "FAKEdefault", [], variables],
  ["eu-south-2 (from AWS_DEFAULT_REGION)", "FAKEdefault", [], { ...variables, AWS_REGION: "" }],
  ["eu-west-1 (from the AWS profile)", "FAKEdefault", [], { AWS_REGION: "" }],
  ["eu-west-2 (from the AWS profile)", "FAKEother", [], { AWS_PROFILE: "other" }],
  ["eu-west-2 (from the AWS profile)", "FAKEother", ["--profile", "other"], ofEnvironment],
])("broker uses %s and the key %s, with %j and %o", async (region, key, args, env) => {
  const warned = vi.spyOn(console, "warn");
  const result = await run(args, env);
  const warnings = warned.mock.calls;
  warned.mockRestore();

  expect(warnings).toEqual([]);
  expectError(result, 3, new RegExp(`does not exist in ${region.replace(/[()]/g, String.raw`\$&`)}\\. `));
  expect(new Set(aws.signers)).toEqual(new Set([`${key} ${region.split(" ")[0]}`]));
});

test.each<[string, string[], Record<string, string>, RegExp]>([
  ["no region", ["--profile", "bare"], {}, /^error: No AWS region is set\. For the local run .* --local\. .*--profile/],
  ["a malformed option", ["--region", "fake-Key-1"], {}, /^error: The region of --region is not a region's name/],
  ["an empty option", ["--region", ""], variables, /^error: The region of --region is not/],
  ["a malformed variable", [], { AWS_REGION: "Milan" }, /^error: The region of AWS_REGION is not/],
])("broker fails with %s, does not repeat it, and sends nothing", async (_, args, env, message) => {
  const result = await run(args, env);

  expectError(result, 2, message);
  expect(result.stderr).not.toMatch(/fake-Key|Milan/);
  expect(aws.signers).toEqual([]);
});

test("broker names the command that enables an opt-in region, with the profile", async () => {
  aws.refusal = "UnrecognizedClientException";

  expectError(
    await run(["--region", "eu-south-1", "--profile", "other"]),
    4,
    /in eu-south-1 \(from --region\), an opt-in region\. Enable it, .*: aws account enable-region --region-name eu-south-1 --profile other\. /,
  );
});

// cspell:ignore othre
test.each([
  [["--profile", "othre", "--region", "eu-west-1"], / AWS profile othre\. Did you mean other\? Check --profile/],
  [["--profile", "stb_Fake-Secret-1"], / AWS profile of this name\. Check --profile/],
])("broker %j names the profile that does not exist, or the option", async (args, message) => {
  const result = await run(args, ofEnvironment);

  expectError(result, 2, message);
  expect(result.stderr).not.toContain("Fake-Secret");
});

test("broker suggests to sign in again after InvalidClientTokenId in a region that every account has", async () => {
  aws.refusal = "InvalidClientTokenId";

  expectError(await run(["--region", "eu-west-1"]), 4, /^error: AWS does not accept these credentials\. Sign in again/);
});

test.each([
  [[], ""],
  [["--region", "eu-west-1", "--profile", "other"], " --region eu-west-1 --profile other"],
  [["--stage", "dev", "--region", "eu-west-1"], " --region eu-west-1"],
  [["--profile", "it's mine", "--region", "eu-west-1"], ` --region eu-west-1 --profile "it's mine"`],
])("broker repeats the options %j in the commands that it prints", async (args, flags) => {
  aws.stacks = stacksWith(standIn.url);

  const { stderr } = await run(args);

  expect(stderr).toBe(
    `error: There is no connection nobody. List all connections: npx broker connections list${flags}\n`,
  );
});

test.each([
  [[], "npm run deploy"],
  [["--stage", "prod"], "npm run deploy -- --stage prod"],
  [["--stage", "prod", "--region", "eu-west-1"], "npm run deploy -- --stage prod --region eu-west-1"],
])("broker %j names the command that deploys a missing stage, in an error and in a fix", async (args, command) => {
  const { stderr } = await run(args, args.includes("--region") ? {} : variables);

  expect(stderr).toContain(`or deploy it: ${command}\n`);
  const [, stage = "dev", , region] = args;
  const deployment = { stage, awsFlags: region === undefined ? "" : ` --region ${region}` } as Deployment;
  expect(findingsResult(deployment, [warning("?", "npm run deploy")]).json).toMatchObject([{ fix: command }]);
});
