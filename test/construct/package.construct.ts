import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { beforeAll, describe, expect, test } from "vitest";
import { appIn, installPackage, node, type Template, templateOf } from "./installed.ts";

let installed: Awaited<ReturnType<typeof installPackage>>;
/** The folder of each app, after its synthesis. */
let apps: Record<"CommonJS" | "ES modules" | "two", string>;
beforeAll(async () => {
  installed = await installPackage();
  const [first, second, two] = await Promise.all([commonJs, esModules, twoBrokers].map((app) => app(installed.folder)));
  apps = { CommonJS: first ?? "", "ES modules": second ?? "", two: two ?? "" };
});

test("The package passes publint and are-the-types-wrong", async () => {
  const { messages } = await publint({
    pkgDir: join(installed.folder, "node_modules/@smart-token-broker/cdk"),
    strict: true,
  });
  const analysis = await checkPackage(createPackageFromTarballData(readFileSync(installed.tarball)));

  expect(messages).toEqual([]);
  expect(analysis.types).toBeTruthy();
  expect("problems" in analysis && analysis.problems).toEqual([]);
});

/** The folders of the assets of the broker's functions, by the functions' logical ids. */
function assetsOf(app: string, { Resources }: Template): Record<string, string> {
  const functions = Object.entries(Resources).filter(
    ([id, { Type }]) => Type === "AWS::Lambda::Function" && id.includes("Stb"),
  );
  return Object.fromEntries(
    functions.map(([id, { Properties }]) => {
      const hash = (Properties.Code.S3Key as string).replace(".zip", "");
      return [id, join(app, `cdk.out/asset.${hash}`)];
    }),
  );
}

/** `cdk init` has CommonJS; TypeScript checks the app against the types of the package. */
async function commonJs(folder: string): Promise<string> {
  const app = appIn(folder, "commonjs");
  await node(app, "node_modules/typescript/bin/tsc", "--noEmit", "false", "--outDir", "compiled");
  expect(readFileSync(join(app, "compiled/bin/cdk-app.js"), "utf8")).toContain("require(");
  await node(app, "compiled/bin/cdk-app.js");
  return app;
}

async function esModules(folder: string): Promise<string> {
  const app = appIn(folder, "esm");
  const main = join(app, "bin/cdk-app.ts");
  writeFileSync(join(app, "package.json"), '{"type": "module"}');
  writeFileSync(main, readFileSync(main, "utf8").replace("lib/cdk-app-stack", "lib/cdk-app-stack.ts"));
  await node(app, "bin/cdk-app.ts");
  return app;
}

async function twoBrokers(folder: string): Promise<string> {
  const app = appIn(folder, "two");
  cpSync(join(import.meta.dirname, "two-brokers.mjs"), join(app, "app.mjs"));
  await node(app, "app.mjs");
  return app;
}

describe.each(["CommonJS", "ES modules"] as const)("The example app, synthesised as %s from the package", (form) => {
  let app: string;
  let template: Template;
  const ofType = (type: string) => Object.entries(template.Resources).filter(([, { Type }]) => Type === type);
  beforeAll(() => {
    app = apps[form];
    template = templateOf(app, "CdkAppStack");
  });

  test("has the broker's functions, whose assets have the prebuilt code", () => {
    const folders = assetsOf(app, template);

    expect(Object.keys(folders)).toHaveLength(4);
    expect(Object.values(folders).filter((each) => !existsSync(join(each, "index.mjs")))).toEqual([]);
  });

  test("grants the service the two token routes of its connection, and nothing else of the API", () => {
    const [, policy] = ofType("AWS::IAM::Policy").find(([id]) => id.startsWith("Orders")) ?? [];
    const statements: object[] = policy?.Properties.PolicyDocument.Statement ?? [];
    const routes = statements.filter((statement) => JSON.stringify(statement).includes("execute-api"));
    const api = ofType("AWS::ApiGatewayV2::Api")[0]?.[0];
    const route = (method: string) => ({
      "Fn::Join": [
        "",
        [
          "arn:",
          { Ref: "AWS::Partition" },
          ":execute-api:",
          { Ref: "AWS::Region" },
          ":",
          { Ref: "AWS::AccountId" },
          ":",
          { Ref: api },
          `/$default/${method}/v1/connections/webapicorso/token`,
        ],
      ],
    });

    expect(routes).toEqual([
      { Action: "execute-api:Invoke", Effect: "Allow", Resource: [route("GET"), route("POST")] },
    ]);
  });

  test("keeps key, table and secrets when the stack is deleted", () => {
    const kept = ["AWS::KMS::Key", "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret"].flatMap((type) =>
      ofType(type).filter(([id]) => id.includes("StbState")),
    );

    const tags = [
      { Key: "application", Value: "smart-token-broker" },
      { Key: "stage", Value: "shop" },
    ];
    for (const [, { Properties }] of kept) expect(Properties.Tags).toEqual(tags);
    expect(kept.map(([, { DeletionPolicy }]) => DeletionPolicy)).toEqual(Array(3).fill("RetainExceptOnCreate"));
  });

  test("creates a rotation schedule after its secret", () => {
    const [[secret] = []] = ofType("AWS::SecretsManager::Secret");
    const [[, schedule] = []] = ofType("AWS::SecretsManager::RotationSchedule");

    expect(schedule?.DependsOn).toContain(secret);
  });

  test("has the outputs and the metadata that broker --stack reads", () => {
    expect(Object.keys(template.Outputs).map((name) => name.replace(/^SmartTokenBroker/, ""))).toEqual(
      expect.arrayContaining(["SecretPrefix", "KeyArn", "TableName", "Url", "ApiId", "AlarmTopicArn"]),
    );
    expect(template.Metadata).toHaveProperty("SmartTokenBrokerCallers");
  });
});

// Names: test/infra/global-names.test.ts.
test("An app with a broker for each stage gives each its own list of callers", () => {
  const lists = ["test", "prod"].map((stage) => {
    const folders = assetsOf(apps.two, templateOf(apps.two, stage));
    const [oauth = "none"] = Object.entries(folders).flatMap(([id, each]) => (id.includes("OAuth") ? [each] : []));
    return JSON.parse(readFileSync(join(oauth, "callers.json"), "utf8")) as { name: string }[];
  });

  expect(lists.map((list) => list.map(({ name }) => name))).toEqual([["php-test"], ["php-prod"]]);
});
