import { expect, test } from "vitest";
import { everything, synthesise } from "./synth.ts";

const { assembly, ofType, render, resources } = synthesise({ connections: ["webapicorso", "second"] });
// The topic of the alarms has another key, in another stack.
const key = ofType("AWS::KMS::Key").find(({ stack }) => stack === "State");
const [table] = ofType("AWS::DynamoDB::Table");
const secrets = ofType("AWS::SecretsManager::Secret");

test("The table is on demand, encrypted with the stack's key and protected from deletion", () => {
  expect(ofType("AWS::DynamoDB::Table")).toHaveLength(1);
  expect(table?.Properties).toMatchObject({
    KeySchema: [{ AttributeName: "connection", KeyType: "HASH" }],
    BillingMode: "PAY_PER_REQUEST",
    SSESpecification: { SSEEnabled: true, SSEType: "KMS", KMSMasterKeyId: { "Fn::GetAtt": [key?.id, "Arn"] } },
    DeletionProtectionEnabled: true,
  });
  expect(table?.Properties).not.toHaveProperty("TimeToLiveSpecification");
});

test("The index due is keyed by partition and next action, the index names by the vendor's names; neither has a token", () => {
  expect(table?.Properties.GlobalSecondaryIndexes).toEqual([
    {
      IndexName: "due",
      KeySchema: [
        { AttributeName: "partition", KeyType: "HASH" },
        { AttributeName: "nextActionAt", KeyType: "RANGE" },
      ],
      Projection: { ProjectionType: "INCLUDE", NonKeyAttributes: ["failures"] },
    },
    {
      IndexName: "names",
      KeySchema: [
        { AttributeName: "registeredScope", KeyType: "HASH" },
        { AttributeName: "username", KeyType: "RANGE" },
      ],
      Projection: { ProjectionType: "KEYS_ONLY" },
    },
  ]);
  expect(table?.Properties.AttributeDefinitions).toEqual(
    expect.arrayContaining([
      { AttributeName: "partition", AttributeType: "N" },
      { AttributeName: "nextActionAt", AttributeType: "N" },
      { AttributeName: "registeredScope", AttributeType: "S" },
      { AttributeName: "username", AttributeType: "S" },
    ]),
  );
});

test("Each connection of the settings has a secret, encrypted with that key", () => {
  expect(secrets.map(({ Properties }) => Properties.Name)).toEqual([
    "smart-token-broker/dev/webapicorso",
    "smart-token-broker/dev/second",
  ]);
  for (const { Properties } of secrets) expect(render(Properties.KmsKeyId)).toBe(`\${${key?.id}.Arn}`);
});

test("No secret has a value, given or generated", () => {
  for (const { Properties } of secrets) {
    expect(Properties).not.toHaveProperty("SecretString");
    expect(Properties).not.toHaveProperty("GenerateSecretString");
  }
  expect(secrets).not.toHaveLength(0);
});

test.each([key, table, ...secrets])("$Type $id is kept when CloudFormation deletes or replaces it", (resource) => {
  // RetainExceptOnCreate deletes the resource only if its first deployment fails: then the next one can use its name.
  expect(resource?.DeletionPolicy).toBe("RetainExceptOnCreate");
  expect(resource?.UpdateReplacePolicy).toBe("Retain");
});

test("Two stacks have termination protection: key, table and secrets, and the API, whose id is in every caller's policy", () => {
  const protectedStacks = assembly.stacks.filter((stack) => stack.terminationProtection).map(({ id }) => id);

  expect(protectedStacks).toEqual([table?.stack, ofType("AWS::ApiGatewayV2::Api")[0]?.stack]);
  expect([key, table, ...secrets].map((resource) => resource?.stack)).toEqual(Array(4).fill("State"));
});

// What they may, and how: test/infra/template-roles.test.ts.
test("Only the six functions that serve, show or rotate may use the key", () => {
  const users = synthesise(everything).resources.filter(
    ({ Type, Properties }) =>
      Type.startsWith("AWS::IAM::") && /"kms:|"Action":"?\[?"?\*/i.test(JSON.stringify(Properties)),
  );

  expect(users.map(({ id }) => id.replace(/Role.*/, "")).toSorted()).toEqual([
    "Calls",
    "KeyRotation",
    "OAuth",
    "Status",
    "Token",
    "TokenRotation",
  ]);
});

test("Neither the table, the secrets nor the key give a right to anybody else", () => {
  const ofTheKey: { Principal: { AWS: unknown } }[] = key?.Properties.KeyPolicy.Statement ?? [];
  const [ofKey, ...others] = ofTheKey;
  const granting = /^AWS::(KMS::Grant|(SecretsManager|DynamoDB)::ResourcePolicy)$/;

  expect(table?.Properties).not.toHaveProperty("ResourcePolicy");
  expect(resources.filter(({ Type }) => granting.test(Type))).toEqual([]);
  // The account itself: only a statement in IAM gives a right to the key.
  expect(others).toEqual([]);
  expect(ofKey).toMatchObject({ Action: "kms:*", Effect: "Allow", Resource: "*" });
  expect(render(ofKey?.Principal.AWS)).toMatch(/:iam::\$\{AWS::AccountId\}:root$/);
});
