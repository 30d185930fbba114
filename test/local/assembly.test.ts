import { describe, expect, test } from "vitest";
import type { CloudAssembly, Resource } from "../../local/assembly/cloud-assembly.ts";
import { readDeployment } from "../../local/assembly/deployment.ts";
import { createResolver } from "../../local/assembly/resolve.ts";

const place = { region: "eu-south-1", accountId: "123456789012" };
const stack = "broker-state";

const resource = (type: string, logicalId: string, properties: Record<string, unknown> = {}, of = stack): Resource => ({
  stack: of,
  logicalId,
  type,
  properties,
});

function assemblyOf(resources: Resource[], more: Partial<CloudAssembly> = {}): CloudAssembly {
  return { resources, exports: new Map(), assets: new Map(), ...more };
}

describe("resolving a value of a template", () => {
  const exports = new Map([["the-table", { stack, value: { Ref: "Table" } }]]);
  const assembly = assemblyOf([resource("AWS::DynamoDB::Table", "Table"), resource("AWS::KMS::Key", "Key")], {
    exports,
  });
  const resolve = createResolver(assembly, place);

  test.each([
    ["plain", "plain"],
    [25, 25],
    [null, null],
    [{ Ref: "Table" }, "broker-state-Table"],
    [{ Ref: "AWS::Region" }, "eu-south-1"],
    [{ Ref: "AWS::AccountId" }, "123456789012"],
    [{ Ref: "AWS::Partition" }, "aws"],
    [{ "Fn::GetAtt": ["Table", "Arn"] }, "arn:aws:dynamodb:eu-south-1:123456789012:table/broker-state-Table"],
    [{ "Fn::GetAtt": ["Key", "Arn"] }, "arn:aws:kms:eu-south-1:123456789012:key/Key"],
    [{ "Fn::Join": ["-", ["a", { Ref: "AWS::Region" }, 7]] }, "a-eu-south-1-7"],
    [
      { "Fn::Sub": "at ${AWS::Region}: ${Table}, ${Key.Arn}" },
      "at eu-south-1: broker-state-Table, arn:aws:kms:eu-south-1:123456789012:key/Key",
    ],
    [{ "Fn::ImportValue": "the-table" }, "broker-state-Table"],
    [
      { list: [{ Ref: "Key" }], plain: { Ref: "Key", and: 1 } },
      { list: ["Key"], plain: { Ref: "Key", and: 1 } },
    ],
  ])("%j is %j", (value, resolved) => {
    expect(resolve(value, stack)).toEqual(resolved);
  });

  test("an export is resolved in its own stack", () => {
    expect(resolve({ "Fn::ImportValue": "the-table" }, "broker-api")).toBe("broker-state-Table");
    expect(() => resolve({ Ref: "Table" }, "broker-api")).toThrow("Ref Table in broker-api");
  });

  test.each([
    [{ Ref: "Nobody" }, "Ref Nobody"],
    [{ "Fn::GetAtt": ["Nobody", "Arn"] }, "Fn::GetAtt Nobody.Arn"],
    [{ "Fn::GetAtt": ["Table", "StreamArn"] }, "Fn::GetAtt Table.StreamArn"],
    [{ "Fn::Sub": "${Nobody}" }, "Ref Nobody"],
    [{ "Fn::Sub": ["${a}", { a: 1 }] }, "Fn::Sub"],
    [{ "Fn::ImportValue": "no-export" }, 'Fn::ImportValue "no-export"'],
    [{ "Fn::Select": [0, ["a"]] }, "Fn::Select"],
    [{ deep: [{ "Fn::Split": [",", "a,b"] }] }, "Fn::Split"],
  ])("%j stops the run, with its name", (value, name) => {
    expect(() => resolve(value, stack)).toThrow(`cannot resolve ${name}`);
  });
});

const token = "GET /v1/connections/{connection}/token";
const limits = (rate: number, burst: number) => ({ ThrottlingRateLimit: rate, ThrottlingBurstLimit: burst });

const api = [
  resource("AWS::ApiGatewayV2::Api", "Api"),
  resource("AWS::ApiGatewayV2::Stage", "Stage", {
    DefaultRouteSettings: limits(200, 400),
    RouteSettings: { [token]: limits(5, 6) },
  }),
  resource("AWS::ApiGatewayV2::Integration", "Integration", { IntegrationUri: { "Fn::GetAtt": ["Token", "Arn"] } }),
  resource("AWS::Lambda::Function", "Token", {
    Code: { S3Key: "abc.zip" },
    Handler: "index.handler",
    Timeout: 25,
    MemorySize: 1024,
    Environment: { Variables: { BROKER_STAGE: "dev", BROKER_TABLE_NAME: { Ref: "Table" } } },
  }),
];
const route = (routeKey: string, more: Record<string, unknown> = {}) =>
  resource("AWS::ApiGatewayV2::Route", `Route${routeKey.length}`, {
    RouteKey: routeKey,
    AuthorizationType: "AWS_IAM",
    Target: { "Fn::Join": ["", ["integrations/", { Ref: "Integration" }]] },
    ...more,
  });
const table = resource("AWS::DynamoDB::Table", "Table", {
  KeySchema: [{ AttributeName: "connection", KeyType: "HASH" }],
  AttributeDefinitions: [{ AttributeName: "connection", AttributeType: "S" }],
  BillingMode: "PAY_PER_REQUEST",
  DeletionProtectionEnabled: true,
});
/** Without it there is nothing that Secrets Manager could rotate a secret with. */
const permission = resource("AWS::Lambda::Permission", "MayRotate", {
  Principal: "secretsmanager.amazonaws.com",
  FunctionName: { "Fn::GetAtt": ["Token", "Arn"] },
});
const assets = new Map([["abc.zip", "/assembly/asset.abc"]]);
const deploymentOf = (...resources: Resource[]) =>
  readDeployment(assemblyOf([table, ...api, permission, ...resources], { assets }), place);

describe("the deployment that is read from the assembly", () => {
  const functionArn = "arn:aws:lambda:eu-south-1:123456789012:function:broker-state-Token";

  test("has each function under its aliases too", () => {
    const alias = resource("AWS::Lambda::Alias", "Live", {
      FunctionName: { Ref: "Token" },
      FunctionVersion: { "Fn::GetAtt": ["Version", "Version"] },
      Name: "live",
    });
    const version = resource("AWS::Lambda::Version", "Version", { FunctionName: { Ref: "Token" } });

    expect(deploymentOf(alias, version).functions.map(({ arns }) => arns)).toEqual([
      [functionArn, `${functionArn}:live`],
    ]);
  });

  test("has each route with its function, its authorization, and its own throttle or the stage's", () => {
    const { routes } = deploymentOf(route(token), route("POST /open", { AuthorizationType: "NONE" })).api;

    expect(routes).toEqual([
      { routeKey: token, authorization: "AWS_IAM", functionArn, throttle: { rate: 5, burst: 6 } },
      { routeKey: "POST /open", authorization: "NONE", functionArn, throttle: { rate: 200, burst: 400 } },
    ]);
  });

  const schedule = (ScheduleExpression: string, Input = '{"shard":1,"shards":2}') =>
    resource("AWS::Scheduler::Schedule", "Sweep", {
      Description: "fake sweep",
      ScheduleExpression,
      Target: { Arn: { "Fn::GetAtt": ["Token", "Arn"] }, Input },
    });

  test.each([
    ["rate(1 minute)", 1],
    ["rate(5 minutes)", 5],
  ])("has each schedule with its function and its input: %s is every %i minutes", (expression, everyMinutes) => {
    expect(deploymentOf(schedule(expression)).schedules).toEqual([
      { description: "fake sweep", everyMinutes, functionArn, input: { shard: 1, shards: 2 } },
    ]);
  });

  test.each([
    ["an asset that is not there", () => readDeployment(assemblyOf([table, ...api]), place), "abc.zip"],
    ["a route to nowhere", () => deploymentOf(route(token, { Target: "integrations/Nobody" })), token],
    ["an unknown authorization", () => deploymentOf(route(token, { AuthorizationType: "JWT" })), "JWT"],
    ["a schedule of another kind", () => deploymentOf(schedule("cron(0 1 * * ? *)")), "cron(0 1 * * ? *)"],
    [
      "no function for Secrets Manager",
      () => readDeployment(assemblyOf([table, ...api], { assets }), place),
      "Secrets Manager may invoke",
    ],
    ["two APIs", () => deploymentOf(resource("AWS::ApiGatewayV2::Api", "Second")), "exactly one HTTP API"],
  ])("%s stops the run, with its name", (_, read, name) => {
    expect(read).toThrow(name);
  });
});
