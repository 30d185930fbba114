import { expect, test } from "vitest";
import { type Resource, synthesise } from "./synth.ts";

const callers = [
  { name: "php", connections: ["webapicorso"], keySha256: ["a".repeat(64)] },
  { name: "orders", connections: ["webapicorso"], principal: "210987654321" },
];
const { resources, ofType, render } = synthesise({ callers, prober: { connection: "webapicorso" } });
const [table] = ofType("AWS::DynamoDB::Table");
const key = ofType("AWS::KMS::Key").find(({ stack }) => stack === table?.stack);
const keyArn = `\${${key?.id}.Arn}`;

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: unknown;
  Condition?: { StringEquals?: Record<string, unknown> };
}

/** Every statement of every policy that an identity can have, with the roles that have it. */
const statements = resources.flatMap(({ Type, id, Properties = {} }): { role: string; statement: Statement }[] => {
  const of = (document: { Statement: Statement[] } | undefined, roles: unknown[]) =>
    roles.flatMap((role) => (document?.Statement ?? []).map((statement) => ({ role: render(role), statement })));
  if (Type === "AWS::IAM::Policy" || Type === "AWS::IAM::ManagedPolicy") {
    return of(Properties.PolicyDocument, [
      ...(Properties.Roles ?? []),
      ...(Properties.Users ?? []),
      ...(Properties.Groups ?? []),
    ]);
  }
  const inline = (Properties.Policies ?? []) as { PolicyDocument: { Statement: Statement[] } }[];
  return Type.startsWith("AWS::IAM::") ? inline.flatMap(({ PolicyDocument }) => of(PolicyDocument, [{ Ref: id }])) : [];
});

const actionsOf = ({ Action }: Statement) => [Action].flat();
/** Whether a pattern of IAM matches an action of a service; letters of any case are equal. */
const matches = (pattern: string, action: string) =>
  new RegExp(`^${pattern.replaceAll("*", ".*").replaceAll("?", ".")}$`, "i").test(action);
const allows = (statement: Statement, action: string) => actionsOf(statement).some((each) => matches(each, action));

test("Exactly the functions that serve, show or rotate may decrypt, each only through a store, and only with the stores' key", () => {
  const services: Record<string, Set<string>> = {};
  for (const { role, statement } of statements.filter((each) => allows(each.statement, "kms:Decrypt"))) {
    expect(render(statement.Resource)).toBe(keyArn);
    const via = render(statement.Condition?.StringEquals?.["kms:ViaService"]);
    const name = role.replace(/^\$\{|Role\w*\}$/g, "");
    services[name] = new Set([...(services[name] ?? []), via.split(".")[0] ?? ""]);
  }

  const both = new Set(["dynamodb", "secretsmanager"]);
  expect(services).toEqual({
    Token: both,
    OAuth: both,
    Status: new Set(["dynamodb"]),
    TokenRotation: both,
    KeyRotation: both,
  });
});

test("No permission for the table or the secrets includes the key: without its own statement, no role can decrypt", () => {
  const onStores = statements.filter(({ statement }) =>
    actionsOf(statement).some((action) => /^(dynamodb|secretsmanager):|^\*/i.test(action)),
  );

  expect(onStores.length).toBeGreaterThan(5);
  for (const { statement } of onStores) {
    const all = ["kms:Decrypt", "kms:CreateGrant", "kms:ReEncryptFrom", "kms:PutKeyPolicy"];
    expect(all.filter((action) => allows(statement, action))).toEqual([]);
    // A wildcard in an action could become a right to the key with the next action of AWS.
    expect(actionsOf(statement).filter((action) => action.includes("*"))).toEqual([]);
  }
});

test("Neither the table, the secrets nor the key give a right to anybody else", () => {
  const ofTheKey: (Statement & { Principal: { AWS: unknown } })[] = key?.Properties.KeyPolicy.Statement ?? [];
  const [ofKey, ...others] = ofTheKey;
  const isOther = ({ Type }: Resource) =>
    ["AWS::KMS::Grant", "AWS::SecretsManager::ResourcePolicy", "AWS::DynamoDB::ResourcePolicy"].includes(Type);

  expect(table?.Properties).not.toHaveProperty("ResourcePolicy");
  expect(resources.filter(isOther)).toEqual([]);
  // The account itself: only a statement in IAM gives a right to the key.
  expect(others).toEqual([]);
  expect(ofKey).toMatchObject({ Action: "kms:*", Effect: "Allow", Resource: "*" });
  expect(render(ofKey?.Principal.AWS)).toMatch(/:iam::\$\{AWS::AccountId\}:root$/);
});

test("The search finds a right to decrypt in any of its forms", () => {
  const forms = ["kms:Decrypt", "KMS:decrypt", "kms:*", "kms:Decr??t", "*", "k*"];

  expect(forms.filter((Action) => allows({ Effect: "Allow", Action, Resource: "*" }, "kms:Decrypt"))).toEqual(forms);
  expect(allows({ Effect: "Allow", Action: ["dynamodb:*", "kms:DescribeKey"], Resource: "*" }, "kms:Decrypt")).toBe(
    false,
  );
});
