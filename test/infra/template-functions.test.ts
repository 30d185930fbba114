import { environmentVariables, readSettings } from "@smart-token-broker/auth-core/rules/settings.ts";
import { describe, expect, test } from "vitest";
import { callsCaller, keyCaller, synthesise } from "./synth.ts";

const { ofType, render } = synthesise({ logRetentionDays: 14, callers: [keyCaller, callsCaller] });
const functions = ofType("AWS::Lambda::Function");

test("The token function has a timeout of 25 s: 8 s of waiting, then a lease of 15 s", () => {
  expect(functions.find(({ id }) => id.startsWith("Token"))?.Properties.Timeout).toBe(25);
});

test("A function has the reserved concurrency of its setting, and no other function has one", () => {
  const others = { status: 2, "token-rotation": 1, "key-rotation": 5, prober: 3 };
  const reservedConcurrency = { token: 50, oauth: 20, calls: 30, ...others };
  const context = { callers: [keyCaller, callsCaller], prober: { connection: "webapicorso" } };
  const reservedIn = (more: object) =>
    synthesise({ ...context, ...more })
      .ofType("AWS::Lambda::Function")
      .map(({ id, Properties }) => [id.replace(/Function.*/, ""), Properties.ReservedConcurrentExecutions]);

  expect(Object.fromEntries(reservedIn({ reservedConcurrency }))).toEqual({
    Token: 50,
    OAuth: 20,
    Calls: 30,
    Status: 2,
    TokenRotation: 1,
    KeyRotation: 5,
    Prober: 3,
  });
  expect(reservedIn({}).filter(([, reserved]) => reserved !== undefined)).toEqual([]);
});

test("With the setting tracing, X-Ray traces every function, and every function may send its trace", () => {
  const traced = synthesise({
    tracing: true,
    callers: [keyCaller, callsCaller],
    prober: { connection: "webapicorso" },
  });
  const mayTrace = /"xray:PutT/;
  const senders = traced
    .ofType("AWS::IAM::Policy")
    .filter(({ Properties }) =>
      Properties.PolicyDocument.Statement.some(({ Action }: { Action: unknown }) =>
        mayTrace.test(JSON.stringify(Action)),
      ),
    );

  const modes = traced.ofType("AWS::Lambda::Function").map(({ Properties }) => Properties.TracingConfig?.Mode);

  expect(modes).toEqual(Array.from({ length: 7 }, () => "Active"));
  expect(senders).toHaveLength(7);
});

describe.each(functions)("$id", ({ Properties }) => {
  test("runs on arm64 for a minute at most, without traces, and logs its lines from INFO and Lambda's from WARN", () => {
    expect(Properties).toMatchObject({
      Architectures: ["arm64"],
      // No line of Lambda is about an invocation that succeeds.
      LoggingConfig: { LogFormat: "JSON", ApplicationLogLevel: "INFO", SystemLogLevel: "WARN" },
    });
    expect(Properties).not.toHaveProperty("TracingConfig");
    expect(Properties.Timeout).toBeLessThanOrEqual(60);
  });

  test("logs to its own log group, for as many days as the setting says", () => {
    const mine = render(Properties.LoggingConfig.LogGroup);
    const group = ofType("AWS::Logs::LogGroup").find(({ id }) => mine === `\${${id}}`);
    const sharers = functions.filter((each) => render(each.Properties.LoggingConfig.LogGroup) === mine);

    expect(group?.Properties.RetentionInDays).toBe(14);
    expect(sharers).toHaveLength(1);
  });

  test("has only variables that the functions know, all that it needs to start, and no plain HTTP", () => {
    const variables: Record<string, unknown> = Properties.Environment.Variables;
    const settings = readSettings(
      Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, render(value)])),
    );

    expect(Object.values(environmentVariables)).toEqual(expect.arrayContaining(Object.keys(variables)));
    expect(settings).toMatchObject({ stage: "dev", secretPrefix: "smart-token-broker/dev", allowLoopbackHttp: false });
    expect(settings.tableName).toBe(`\${${ofType("AWS::DynamoDB::Table")[0]?.id}}`);
    expect(variables).not.toHaveProperty(environmentVariables.allowLoopbackHttp);
  });
});
