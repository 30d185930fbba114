import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Stack } from "aws-cdk-lib";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { brokerApp } from "../../infra/app.ts";
import type { CdkCommand } from "../../tools/cdk-arguments.ts";
import { runCdk } from "../../tools/run-cdk.ts";
import { serve } from "../support/server.ts";

const root = join(import.meta.dirname, "../..");

/** Variables that a developer's machine may have. */
const variables = [
  "AMAZON_REGION",
  "AMAZON_DEFAULT_REGION",
  ...["REGION", "DEFAULT_REGION", "PROFILE", "DEFAULT_PROFILE", "SESSION_TOKEN"].map((name) => `AWS_${name}`),
  ...["stage", "region", "context", "profile", "call"].map((name) => `npm_config_${name}`),
];

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "smart-token-broker-deploy-"));
  for (const name of variables) vi.stubEnv(name, undefined);
  vi.stubEnv("AWS_CONFIG_FILE", join(folder, "config"));
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", join(folder, "credentials"));
  vi.stubEnv("AWS_ACCESS_KEY_ID", "FAKEKEY");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "fake-secret");
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
  // Writes how it was started, and ends with a status of its own.
  writeFileSync(
    join(folder, "cdk"),
    `const { AWS_REGION: region } = process.env;
     require("node:fs").writeFileSync(__dirname + "/started", JSON.stringify({ args: process.argv.slice(2), region }));
     process.exit(7);`,
  );
});

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Emulates STS of every region: those in `rejecting` answer with an error of this code. */
async function useSts(rejecting: Record<string, string> = {}) {
  const url = await serve(({ headers }, response) => {
    const [, user, region = ""] = /Credential=(\w+)\/\d+\/([^/]+)\/sts\//.exec(headers.authorization ?? "") ?? [];
    const code = rejecting[region];
    const body = code
      ? `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>invalid</Message></Error></ErrorResponse>`
      : `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/${user}</Arn><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`;
    response.writeHead(code ? 403 : 200, { "content-type": "text/xml" }).end(body);
  });
  vi.stubEnv("AWS_ENDPOINT_URL_STS", url);
}

/** Runs `npm run deploy -- …` with a stand-in for `cdk`: what it prints, and how `cdk` was started. */
async function deploy(args: string[], context: Record<string, unknown> = {}, command: CdkCommand = "deploy") {
  const lines: string[] = [];
  const run = runCdk(command, args, { print: (line) => lines.push(line), cdk: join(folder, "cdk"), context });
  const end = await run.catch((error: unknown) => (error as Error).message);
  const started = () =>
    JSON.parse(readFileSync(join(folder, "started"), "utf8")) as { args: string[]; region?: string };
  return { end, lines, cdk: typeof end === "number" ? started() : undefined };
}

test("The deployment of a stage prints stage, region and account, and passes all other arguments to cdk", async () => {
  await useSts();
  vi.stubEnv("AWS_REGION", "eu-south-1");

  expect(await deploy(["Api", "--stage", "prod", "-c", "shards=2", "--exclusively"])).toEqual({
    end: 7,
    lines: [
      "stage    prod (--stage): settings/prod.json",
      "region   eu-south-1 (AWS_REGION)",
      "account  123456789012 (arn:aws:iam::123456789012:user/FAKEKEY)",
    ],
    cdk: {
      args: ["deploy", "-c", "stage=prod", "Api", "-c", "shards=2", "--exclusively"],
      region: "eu-south-1",
    },
  });
});

test.each<[string, string[], Record<string, unknown>, string, string[]]>([
  ["dev without arguments", [], {}, "dev (default): settings/dev.json", ["-c", "stage=dev"]],
  ["of --stage=prod", ["--stage=prod", "-v"], {}, "prod (--stage): settings/prod.json", ["-c", "stage=prod", "-v"]],
  [
    "of --context before the one of --stage",
    ["--stage", "a", "--context=stage=b"],
    {},
    "b (-c stage)",
    ["--context=stage=b"],
  ],
  ["of cdk.json", [], { stage: "old" }, "old (cdk.json)", ["-c", "stage=old"]],
  ["of --stage before the one of cdk.json", ["--stage", "a"], { stage: "old" }, "a (--stage)", ["-c", "stage=a"]],
])("The deployment takes the stage %s", async (_, args, context, line, forCdk) => {
  await useSts();
  vi.stubEnv("AWS_REGION", "eu-south-1");

  const { lines, cdk } = await deploy(args, context);

  expect(lines[0]).toContain(`stage    ${line}`);
  expect(cdk?.args).toEqual(["deploy", "--all", ...forCdk]);
});

test.each<[string, string, string[], Record<string, string | undefined>]>([
  ["eu-west-1 (AWS_DEFAULT_REGION)", "FAKEKEY", [], { AWS_DEFAULT_REGION: "eu-west-1", AWS_PROFILE: "acme" }],
  ["eu-west-3 (profile acme)", "FAKEACME", ["--profile", "acme"], {}],
  ["eu-west-3 (profile acme)", "FAKEACME", [], { AWS_PROFILE: "acme", AWS_ACCESS_KEY_ID: undefined }],
  ["eu-central-1 (profile default)", "FAKEBARE", ["--profile=bare"], {}],
  ["us-west-2 (--region)", "FAKEKEY", ["--region", "us-west-2"], { AWS_REGION: "eu-west-1" }],
])("The deployment takes the region and the credentials as cdk does: %s, %s", async (region, user, args, env) => {
  const keys = (name: string) => `aws_access_key_id = ${name}\naws_secret_access_key = fake-secret\n`;
  writeFileSync(
    join(folder, "config"),
    `[default]\nregion = eu-central-1\n[profile acme]\nregion = eu-west-3\n${keys("FAKEACME")}[profile bare]\n${keys("FAKEBARE")}`,
  );
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  await useSts();

  const { lines, cdk } = await deploy(args);

  expect(lines.slice(1)).toEqual([
    `region   ${region}`,
    `account  123456789012 (arn:aws:iam::123456789012:user/${user})`,
  ]);
  expect(cdk?.region).toBe(region.split(" ")[0]);
  expect(cdk?.args).not.toContain("--region");
});

test.each<[string, Record<string, string>, RegExp]>([
  [
    "without a region",
    {},
    /^No region: AWS_REGION and AWS_DEFAULT_REGION are not set, .+ export AWS_REGION=eu-central-1$/,
  ],
  [
    "in a region that is not enabled",
    { AWS_REGION: "eu-south-1" },
    /^Region eu-south-1 rejects the credentials \(InvalidClientTokenId\), but us-east-1 accepts them: account 123456789012 has not enabled .+ Nothing was deployed\. .+: aws account enable-region --region-name eu-south-1\. /,
  ],
  [
    "with expired credentials",
    { AWS_REGION: "us-east-1" },
    /^STS in us-east-1 rejects the credentials \(ExpiredToken\)\. Nothing was deployed\. Get new ones, .+$/,
  ],
  ["whose stage npm has taken", { npm_config_stage: "true" }, /^npm has taken --stage .+ npm run deploy -- --stage …$/],
  ["whose context npm has taken", { npm_config_call: "stage=prod" }, /^npm has taken -c .+ npm run deploy -- -c …$/],
])("A deployment %s is rejected in one line before cdk starts", async (_, env, message) => {
  const isExpired = env["AWS_REGION"] === "us-east-1";
  await useSts({ "eu-south-1": "InvalidClientTokenId", ...(isExpired && { "us-east-1": "ExpiredToken" }) });
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);

  const { end, cdk } = await deploy([]);

  expect(end).toMatch(message);
  expect(cdk).toBeUndefined();
});

test("The bootstrap of an account and region checks both, as a deployment does, and names no stage", async () => {
  await useSts({ "eu-south-1": "InvalidClientTokenId" });
  const rejected = [await deploy([], {}, "bootstrap")];
  vi.stubEnv("AWS_REGION", "eu-south-1");
  rejected.push(await deploy([], {}, "bootstrap"));
  vi.stubEnv("AWS_REGION", "eu-west-1");
  const { lines, cdk } = await deploy(["--qualifier", "broker"], {}, "bootstrap");

  expect(rejected.map(({ end }) => end)).toEqual([
    expect.stringMatching(/^No region/),
    expect.stringMatching(/^Region eu-south-1/),
  ]);
  expect(lines[0]).toBe("region   eu-west-1 (AWS_REGION)");
  expect(cdk).toEqual({
    args: ["bootstrap", "-c", "stage=dev", "--qualifier", "broker"],
    region: "eu-west-1",
  });
});

test("A stage without --stage is rejected, because cdk would look for a stack of this name", async () => {
  expect((await deploy(["dev"])).end).toBe(
    "dev is a stage, and not a stack. Nothing was changed. Write: npm run deploy -- --stage dev",
  );
  expect((await deploy(["--stage"])).end).toBe("--stage needs a value. Write: --stage VALUE");
});

test("A deployment without credentials says so, and leaves the error to cdk, which knows more ways to them", async () => {
  vi.stubEnv("AWS_REGION", "eu-south-1");
  vi.stubEnv("AWS_ACCESS_KEY_ID", undefined);

  const { end, lines } = await deploy([]);

  expect(lines[2]).toMatch(
    /^account {2}unknown: .+\. If the CDK cannot resolve it either, sign in, .+: aws sso login$/,
  );
  expect(end).toBe(7);
});

test("A deployment names the settings in cdk.json that hide the ones of the stage's file", async () => {
  await useSts();
  vi.stubEnv("AWS_REGION", "eu-south-1");

  const { lines } = await deploy([], { shards: 2, "@aws-cdk/core:checkSecretUsage": true });

  expect(lines[1]).toBe("warning  cdk.json (context) has shards: the file of the stage does not count for them.");
});

test("A synthesis needs no region, and prints nothing of its own if cdk fails", async () => {
  const { lines, cdk } = await deploy(["--stage", "prod"], {}, "synth");

  expect({ lines, args: cdk?.args }).toEqual({ lines: [], args: ["synth", "--quiet", "-c", "stage=prod"] });
});

test.each([
  ["cdk.out", []],
  ["elsewhere", ["-o", "elsewhere"]],
])("A synthesis says that its templates are in %s, with the arguments %j", async (output, args) => {
  writeFileSync(join(folder, "cdk"), readFileSync(join(folder, "cdk"), "utf8").replace("exit(7)", "exit(0)"));

  expect((await deploy(args, {}, "synth")).lines).toEqual([
    `The templates are in ${output}: NAME.template.json for each stack.`,
  ]);
});

test("A synthesis of one stack prints its template, and a deployment of one is not of all", async () => {
  const stacks = brokerApp().node.children.filter((child) => Stack.isStack(child));
  vi.stubEnv("AWS_REGION", "eu-south-1");
  await useSts();

  expect(stacks).toHaveLength(4);
  for (const { id } of stacks.map(({ node }) => node)) {
    expect((await deploy([id], {}, "synth")).cdk?.args).toEqual(["synth", "-c", "stage=dev", id]);
    expect((await deploy([id])).cdk?.args).toEqual(["deploy", "-c", "stage=dev", id]);
  }
});

test("The command starts the CDK of this project, and prints a mistake in one line without a stack trace", () => {
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "tools/cdk.ts"), ...args], {
      encoding: "utf8",
    });
    return { status, stdout, stderr };
  };
  const version = (
    JSON.parse(readFileSync(join(root, "node_modules/aws-cdk/package.json"), "utf8")) as { version: string }
  ).version;

  expect(run("synth", "--version")).toMatchObject({ status: 0, stdout: expect.stringContaining(version) as string });
  expect(run("deploy", "--stage", "prod")).toEqual({
    status: 1,
    stdout: "stage    prod (--stage): settings/prod.json\n",
    stderr: expect.stringMatching(/^No region: [^\n]+\n$/) as string,
  });
});
