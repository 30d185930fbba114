import { expect, test } from "vitest";
import { synthesise } from "./synth.ts";

const { assembly, ofType, render } = synthesise({ connections: ["webapicorso", "second"] });
// The alarms' topic has a key of its own, in another stack: CloudWatch must be able to use it.
const keys = ofType("AWS::KMS::Key").filter(({ stack }) => stack === "State");
const [key] = keys;
const [table] = ofType("AWS::DynamoDB::Table");
const secrets = ofType("AWS::SecretsManager::Secret");

test("there is one key, and it rotates", () => {
  expect(keys).toHaveLength(1);
  expect(key?.Properties.EnableKeyRotation).toBe(true);
});

test("the key's policy is the account's default: IAM decides, and nobody else is named", () => {
  const principals = key?.Properties.KeyPolicy.Statement.map((each: { Principal: { AWS: unknown } }) =>
    render(each.Principal.AWS),
  );

  expect(principals).toEqual(["arn:${AWS::Partition}:iam::${AWS::AccountId}:root"]);
});

test("there is one table, of on-demand capacity, encrypted by that key, recoverable and protected", () => {
  expect(ofType("AWS::DynamoDB::Table")).toHaveLength(1);
  expect(table?.Properties).toMatchObject({
    KeySchema: [{ AttributeName: "connection", KeyType: "HASH" }],
    BillingMode: "PAY_PER_REQUEST",
    SSESpecification: { SSEEnabled: true, SSEType: "KMS", KMSMasterKeyId: { "Fn::GetAtt": [key?.id, "Arn"] } },
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    DeletionProtectionEnabled: true,
  });
  expect(table?.Properties).not.toHaveProperty("TimeToLiveSpecification");
});

test("the index due, and no other, has the partition and the next action, and of the rest the failures only", () => {
  expect(table?.Properties.GlobalSecondaryIndexes).toEqual([
    {
      IndexName: "due",
      KeySchema: [
        { AttributeName: "partition", KeyType: "HASH" },
        { AttributeName: "nextActionAt", KeyType: "RANGE" },
      ],
      Projection: { ProjectionType: "INCLUDE", NonKeyAttributes: ["failures"] },
    },
  ]);
  expect(table?.Properties.AttributeDefinitions).toEqual(
    expect.arrayContaining([
      { AttributeName: "partition", AttributeType: "N" },
      { AttributeName: "nextActionAt", AttributeType: "N" },
    ]),
  );
});

test("there is a secret for each connection of the context, encrypted by that key", () => {
  expect(secrets.map(({ Properties }) => Properties.Name)).toEqual([
    "smart-token-broker/dev/webapicorso",
    "smart-token-broker/dev/second",
  ]);
  for (const { Properties } of secrets) expect(render(Properties.KmsKeyId)).toBe(`\${${key?.id}.Arn}`);
});

test("no secret has a value, or has one generated", () => {
  for (const { Properties } of secrets) {
    expect(Properties).not.toHaveProperty("SecretString");
    expect(Properties).not.toHaveProperty("GenerateSecretString");
  }
  expect(secrets).not.toHaveLength(0);
});

test.each([key, table, ...secrets])("$Type $id outlives its deletion and its replacement", (resource) => {
  // RetainExceptOnCreate keeps what was once in use, and tidies up after a first deployment that failed.
  expect(["Retain", "RetainExceptOnCreate"]).toContain(resource?.DeletionPolicy);
  expect(resource?.UpdateReplacePolicy).toBe("Retain");
});

test("an empty secret whose deployment fails is not kept: its name would be taken for the next attempt", () => {
  expect(secrets.map(({ DeletionPolicy }) => DeletionPolicy)).toEqual(secrets.map(() => "RetainExceptOnCreate"));
});

test("the stack that holds them is protected against termination", () => {
  const protectedStacks = assembly.stacks.filter((stack) => stack.terminationProtection).map(({ id }) => id);

  expect(protectedStacks).toContain(table?.stack);
  expect([key, table, ...secrets].map((resource) => resource?.stack)).toEqual(Array(4).fill("State"));
});
