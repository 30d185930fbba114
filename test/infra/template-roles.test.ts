import { expect, test } from "vitest";
import { attributesWithoutTokens } from "../../functions/auth-core/adapters/item-codec.ts";
import { callsCaller, keyCaller, type Resource, synthesise } from "./synth.ts";

const { ofType, render } = synthesise({ callers: [keyCaller, callsCaller] });
const functions = ofType("AWS::Lambda::Function");
const roles = ofType("AWS::IAM::Role");
const policies = ofType("AWS::IAM::Policy");
const [table] = ofType("AWS::DynamoDB::Table");
const [key] = ofType("AWS::KMS::Key");
const tableArn = `\${${table?.id}.Arn}`;
const deadLetterQueueArn = `\${${ofType("AWS::SQS::Queue")[0]?.id}.Arn}`;
const keyArn = `\${${key?.id}.Arn}`;
const secretsArn =
  "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:smart-token-broker/dev/*";

/** One action on one resource. */
interface Permission {
  action: string;
  resource: string;
  /** Operator → condition key → rendered values. Absent: every request. */
  only?: Record<string, Record<string, string[]>>;
}

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: unknown;
  Condition?: Record<string, Record<string, unknown>>;
}

const statementsOf = (role: Resource): Statement[] =>
  policies
    .filter(({ Properties }) => Properties.Roles.some((each: unknown) => render(each) === `\${${role.id}}`))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement);

function permissionsOf(role: Resource): Permission[] {
  return statementsOf(role).flatMap(({ Action, Resource, Condition }) => {
    const only = Object.fromEntries(
      Object.entries(Condition ?? {}).map(([operator, keys]) => [
        operator,
        Object.fromEntries(Object.entries(keys).map(([name, values]) => [name, [values].flat().map(render)])),
      ]),
    );
    return [Action]
      .flat()
      .flatMap((action) =>
        [Resource].flat().map((resource) => ({ action, resource: render(resource), ...(Condition && { only }) })),
      );
  });
}

const keyUses = (service: string, ...actions: string[]): Permission[] =>
  actions.map((action) => ({
    action: `kms:${action}`,
    resource: keyArn,
    only: { StringEquals: { "kms:ViaService": [`${service}.\${AWS::Region}.\${AWS::URLSuffix}`] } },
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
  only: { StringEquals: { "events:source": ["smart-token-broker"] } },
};
const withoutTokens = {
  StringEquals: { "dynamodb:Select": ["SPECIFIC_ATTRIBUTES"] },
  "ForAllValues:StringEquals": { "dynamodb:Attributes": attributesWithoutTokens },
  Null: { "dynamodb:Attributes": ["false"] },
};

test.each([
  ["token", /^Token/, [...oneItem, ...readSecrets, putEvents]],
  ["calls", /^Calls/, [...oneItem, ...readSecrets, putEvents]],
  [
    "oauth",
    /^OAuth/,
    [...oneItem, ...readSecrets, putEvents, { action: "dynamodb:Query", resource: `${tableArn}/index/names` }],
  ],
  [
    "status",
    /^Status/,
    [
      { action: "dynamodb:GetItem", resource: tableArn, only: withoutTokens },
      { action: "dynamodb:Scan", resource: tableArn, only: withoutTokens },
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
      { action: "sqs:SendMessage", resource: deadLetterQueueArn },
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
])("The role of the %s function allows exactly its logs and these actions", (_, name, allowed) => {
  const fn = functions.find(({ id }) => name.test(id));
  const role = fn && roles.find(({ id }) => `\${${id}.Arn}` === render(fn.Properties.Role));
  const logGroup = `\${${render(fn?.Properties.LoggingConfig.LogGroup).slice(2, -1)}.Arn}`;
  const logs: Permission[] = [
    { action: "logs:CreateLogStream", resource: logGroup },
    { action: "logs:PutLogEvents", resource: logGroup },
  ];

  const permissions = role && permissionsOf(role);

  const flat = (each: Permission) => [each.action, each.resource, JSON.stringify(each.only)].join(" ");
  expect([...new Set(permissions?.map(flat))].toSorted()).toEqual([...allowed, ...logs].map(flat).toSorted());
});

test("The scheduler's role may only invoke the sweep and send its failures to the queue", () => {
  const role = roles.find(({ id }) => id.startsWith("SchedulerRole"));
  const sweep = functions.find(({ id }) => id.startsWith("TokenRotation"));
  const alias = ofType("AWS::Lambda::Alias").find(({ id }) => id.startsWith("TokenRotation"));

  expect(role && permissionsOf(role)).toEqual([
    { action: "lambda:InvokeFunction", resource: `\${${sweep?.id}.Arn}` },
    { action: "lambda:InvokeFunction", resource: `\${${alias?.id}}` },
    { action: "sqs:SendMessage", resource: deadLetterQueueArn },
  ]);
});

test("Every function has its own role, and only the scheduler has another", () => {
  expect(new Set(functions.map((each) => render(each.Properties.Role))).size).toBe(6);
  expect(functions).toHaveLength(6);
  expect(roles).toHaveLength(7);
});

test.each(roles)("$id has only policies of its own, with Allow, and not everyone may assume it", (role) => {
  expect(role.Properties).not.toHaveProperty("ManagedPolicyArns");
  expect(role.Properties).not.toHaveProperty("Policies");
  for (const statement of statementsOf(role)) {
    expect(statement.Effect).toBe("Allow");
    expect(statement).not.toHaveProperty("NotAction");
    expect(statement).not.toHaveProperty("NotResource");
  }
  expect(JSON.stringify(role.Properties.AssumeRolePolicyDocument)).not.toContain("*");
});

test("Every policy belongs to one of these roles", () => {
  const attached = new Set(roles.flatMap((role) => statementsOf(role)));

  expect(policies.flatMap(({ Properties }) => Properties.PolicyDocument.Statement).length).toBe(attached.size);
  expect(ofType("AWS::IAM::ManagedPolicy")).toEqual([]);
});
