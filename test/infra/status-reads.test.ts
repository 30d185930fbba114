import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { replacementAttributes } from "../../functions/auth-core/adapters/item-codec.ts";
import { storedItemAt } from "../status/items.ts";
import { statusEvent } from "../../fixtures/status-event.ts";
import { startStatus } from "../status/status-function.ts";
import { synthesise } from "./synth.ts";

/** A read of DynamoDB, as it is sent. */
interface Read {
  operation: string;
  input: Record<string, unknown> & { ExpressionAttributeNames?: Record<string, string> };
}

interface Statement {
  Action: string | string[];
  Condition: {
    StringEquals: { "dynamodb:Select": string };
    "ForAllValues:StringEquals": { "dynamodb:Attributes": string[] };
    Null: { "dynamodb:Attributes": string };
  };
}

const { ofType } = synthesise();
const [statement, ...others] = ofType("AWS::IAM::Policy")
  .filter(({ id }) => id.startsWith("Status"))
  .flatMap(({ Properties }) => Properties.PolicyDocument.Statement as Statement[])
  .filter(({ Action }) => String(Action).includes("dynamodb:"));
const attributesOfPolicy = statement?.Condition["ForAllValues:StringEquals"]["dynamodb:Attributes"] ?? [];

const words = new Set(["AND", "OR", "NOT", "BETWEEN", "IN"]);

/** The top-level attributes that a read names: in its key and in each of its expressions. */
function attributesOf({ input }: Read): Set<string> {
  const { ExpressionAttributeNames: names = {} } = input;
  const expressions = Object.entries(input)
    .filter(([field]) => field.endsWith("Expression"))
    // Not values (`:now`), functions (`size(`) and fields of maps (`.at`).
    .flatMap(([, expression]) => String(expression).match(/(?<![:.#\w])#?[A-Za-z_]\w*\b(?!\s*\()/g) ?? [])
    .filter((name) => !words.has(name))
    .map((name) => names[name] ?? name);
  const keys = [input["Key"], input["ExclusiveStartKey"]].flatMap((key) => Object.keys(key ?? {}));
  return new Set([...expressions, ...keys]);
}

/** The parameter `Select`, which DynamoDB derives if a read does not give it. */
const selectOf = ({ input }: Read) =>
  input["Select"] ?? (input["ProjectionExpression"] === undefined ? "ALL_ATTRIBUTES" : "SPECIFIC_ATTRIBUTES");

/** Evaluates the policy as AWS documents it. No emulator of DynamoDB evaluates these conditions. */
function isAllowed(read: Read): boolean {
  if (!statement || ![statement.Action].flat().includes(`dynamodb:${read.operation}`)) return false;
  const { StringEquals, Null } = statement.Condition;
  const attributes = [...attributesOf(read)];
  return (
    StringEquals["dynamodb:Select"] === selectOf(read) &&
    attributes.every((name) => attributesOfPolicy.includes(name)) &&
    Null["dynamodb:Attributes"] === String(attributes.length === 0)
  );
}

let status: Awaited<ReturnType<typeof startStatus>>;
const now = Date.now() / 1000;
beforeAll(async () => {
  status = await startStatus();
  await status.put([storedItemAt(now, "first"), storedItemAt(now, "second")]);
  const { json } = await status.ask(statusEvent({ query: { limit: "1" } }));
  await status.ask(statusEvent({ query: { cursor: json.next_cursor } }));
  await status.ask(statusEvent({ connection: "first" }));
});
afterAll(() => status?.close());

describe("The role of the status function", () => {
  test("allows every read that the function sends", () => {
    expect(new Set(status.requests.map(({ operation }) => operation))).toEqual(new Set(["Scan", "GetItem"]));
    for (const read of status.requests) expect([read, isAllowed(read)]).toEqual([read, true]);
  });

  test("allows no attribute that the function does not read", () => {
    const named = new Set(status.requests.flatMap((read) => [...attributesOf(read)]));

    expect(new Set(attributesOfPolicy)).toEqual(named);
    expect(others).toEqual([]);
  });

  const hidden = replacementAttributes.filter((name) => !attributesOfPolicy.includes(name));
  test("hides the tokens", () => {
    expect(hidden).toEqual(expect.arrayContaining(["accessToken", "refreshToken"]));
    expect(isAllowed({ operation: "Scan", input: {} })).toBe(false);
  });
});
