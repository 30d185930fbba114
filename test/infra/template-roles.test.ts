import { describe, expect, test } from "vitest";
import { type Resource, synthesise } from "./synth.ts";

const { ofType, render } = synthesise();
const functions = ofType("AWS::Lambda::Function");
const roles = ofType("AWS::IAM::Role");
const policies = ofType("AWS::IAM::Policy");
const [table] = ofType("AWS::DynamoDB::Table");
const [key] = ofType("AWS::KMS::Key");
const tableArn = `\${${table?.id}.Arn}`;
const keyArn = `\${${key?.id}.Arn}`;
const secretsArn =
  "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:smart-token-broker/dev/*";

/** One action on one resource: what a role may do, as flat as it can be written. */
interface Permission {
  action: string;
  resource: string;
  /** The service in whose name a key may be used. */
  via?: string;
}

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: unknown;
  Condition?: { StringEquals?: Record<string, unknown> };
}

const statementsOf = (role: Resource): Statement[] =>
  policies
    .filter(({ Properties }) => Properties.Roles.some((each: unknown) => render(each) === `\${${role.id}}`))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement);

function permissionsOf(role: Resource): Permission[] {
  return statementsOf(role).flatMap(({ Action, Resource, Condition }) => {
    const service = Condition?.StringEquals?.["kms:ViaService"];
    const via = service === undefined ? {} : { via: render(service) };
    return [Action]
      .flat()
      .flatMap((action) =>
        [Resource].flat().map((resource) => Object.assign({ action, resource: render(resource) }, via)),
      );
  });
}

const roleOf = (fn: Resource) => roles.find(({ id }) => `\${${id}.Arn}` === render(fn.Properties.Role));

const keyUses = (service: string, ...actions: string[]): Permission[] =>
  actions.map((action) => ({
    action: `kms:${action}`,
    resource: keyArn,
    via: `${service}.\${AWS::Region}.\${AWS::URLSuffix}`,
  }));
const onSecrets = (...actions: string[]): Permission[] =>
  actions.map((action) => ({ action: `secretsmanager:${action}`, resource: secretsArn }));

const oneItem: Permission[] = [
  { action: "dynamodb:GetItem", resource: tableArn },
  { action: "dynamodb:UpdateItem", resource: tableArn },
  ...keyUses(
    "dynamodb",
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
  ),
];
const readSecrets = [...onSecrets("GetSecretValue"), ...keyUses("secretsmanager", "Decrypt")];
const putEvents: Permission = {
  action: "events:PutEvents",
  resource: "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default",
};

test.each([
  ["token", /^Token/, [...oneItem, ...readSecrets, putEvents]],
  ["oauth", /^OAuth/, [...oneItem, ...readSecrets, putEvents]],
  [
    "status",
    /^Status/,
    [
      { action: "dynamodb:GetItem", resource: tableArn },
      { action: "dynamodb:Scan", resource: tableArn },
      ...keyUses("dynamodb", "Decrypt", "DescribeKey"),
    ],
  ],
  [
    "token-rotation",
    /^TokenRotation/,
    [
      ...oneItem,
      ...readSecrets,
      { action: "dynamodb:Query", resource: `${tableArn}/index/due` },
      { action: "dynamodb:Scan", resource: tableArn },
      ...onSecrets("DescribeSecret"),
      putEvents,
      { action: "sqs:SendMessage", resource: `\${${ofType("AWS::SQS::Queue")[0]?.id}.Arn}` },
    ],
  ],
  [
    "key-rotation",
    /^KeyRotation/,
    [
      ...oneItem,
      ...readSecrets,
      ...onSecrets("DescribeSecret", "PutSecretValue", "UpdateSecretVersionStage"),
      ...keyUses("secretsmanager", "DescribeKey", "GenerateDataKey"),
      putEvents,
    ],
  ],
])("the %s function may do this, besides its logs and traces, and nothing else", (_, name, allowed) => {
  const fn = functions.find(({ id }) => name.test(id));
  const role = fn && roleOf(fn);
  const logGroup = `\${${render(fn?.Properties.LoggingConfig.LogGroup).slice(2, -1)}.Arn}`;
  const logsAndTraces: Permission[] = [
    { action: "logs:CreateLogStream", resource: logGroup },
    { action: "logs:PutLogEvents", resource: logGroup },
    { action: "xray:PutTelemetryRecords", resource: "*" },
    { action: "xray:PutTraceSegments", resource: "*" },
  ];

  const permissions = role && permissionsOf(role);

  const flat = (each: Permission) => [each.action, each.resource, each.via].join(" ");
  expect([...new Set(permissions?.map(flat))].toSorted()).toEqual([...allowed, ...logsAndTraces].map(flat).toSorted());
});

test("the scheduler may invoke the sweep and leave its failures in the queue, and nothing else", () => {
  const role = roles.find(({ id }) => id.startsWith("SchedulerRole"));
  const sweep = functions.find(({ id }) => id.startsWith("TokenRotation"));

  expect(role && permissionsOf(role)).toEqual([
    { action: "lambda:InvokeFunction", resource: `\${${sweep?.id}.Arn}` },
    { action: "sqs:SendMessage", resource: `\${${ofType("AWS::SQS::Queue")[0]?.id}.Arn}` },
  ]);
});

test("every function has a role of its own", () => {
  const used = functions.map((each) => render(each.Properties.Role));

  expect(new Set(used).size).toBe(functions.length);
});

describe.each(roles)("$id", (role) => {
  const permissions = permissionsOf(role);

  test("has written policies only: none of AWS's, none that allow by exception", () => {
    expect(role.Properties).not.toHaveProperty("ManagedPolicyArns");
    expect(role.Properties).not.toHaveProperty("Policies");
    for (const statement of statementsOf(role)) {
      expect(statement.Effect).toBe("Allow");
      expect(statement).not.toHaveProperty("NotAction");
      expect(statement).not.toHaveProperty("NotResource");
    }
    expect(permissions).not.toHaveLength(0);
  });

  test("is not for everyone to assume", () => {
    expect(JSON.stringify(role.Properties.AssumeRolePolicyDocument)).not.toContain("*");
  });

  test("names every action, and every resource but X-Ray's, which knows none", () => {
    for (const { action, resource } of permissions) {
      expect(action).not.toContain("*");
      if (action.startsWith("xray:")) continue;
      expect(resource === secretsArn ? "" : resource).not.toContain("*");
    }
  });

  test("uses the key only through the service whose data it protects", () => {
    const uses = permissions.filter(({ action }) => action.startsWith("kms:"));

    for (const { resource, via } of uses) {
      expect(resource).toBe(keyArn);
      expect(via).toMatch(/^(dynamodb|secretsmanager)\.\$\{AWS::Region\}\.\$\{AWS::URLSuffix\}$/);
    }
  });

  test("deletes nothing from the table, and reads it whole only for a list or to find what still carries a key", () => {
    const actions = permissions.map(({ action }) => action);
    const scans = /^(TokenRotation|Status)Role/.test(role.id) ? ["dynamodb:Scan"] : [];

    expect(actions.filter((action) => /^dynamodb:(.*Scan|.*Delete|Put|Batch|Partiql)/i.test(action))).toEqual(scans);
  });

  test("writes no log but its function's", () => {
    const written = permissions.filter(({ action }) => action.startsWith("logs:")).map(({ resource }) => resource);
    const own = functions
      .filter((each) => roleOf(each)?.id === role.id)
      .map((each) => `\${${render(each.Properties.LoggingConfig.LogGroup).slice(2, -1)}.Arn}`);

    expect([...new Set(written)]).toEqual(own);
  });
});

test("there is no policy but those of the roles", () => {
  const attached = new Set(roles.flatMap((role) => statementsOf(role)));

  expect(policies.flatMap(({ Properties }) => Properties.PolicyDocument.Statement).length).toBe(attached.size);
  expect(ofType("AWS::IAM::ManagedPolicy")).toEqual([]);
});

test("a function with a destination for its failures may send there: Lambda refuses to configure it otherwise", () => {
  const destinations = ofType("AWS::Lambda::EventInvokeConfig").map(({ Properties }) => ({
    of: render(Properties.FunctionName),
    to: render(Properties.DestinationConfig.OnFailure.Destination),
  }));

  expect(destinations).not.toHaveLength(0);
  for (const { of, to } of destinations) {
    const target = functions.find(({ id }) => of === `\${${id}}`);
    const role = target && roleOf(target);
    const sends = role ? statementsOf(role).filter(({ Action }) => [Action].flat().includes("sqs:SendMessage")) : [];
    expect(sends.flatMap(({ Resource }) => [Resource].flat().map(render))).toContain(to);
  }
});
