import { afterAll, beforeAll, expect, it } from "vitest";
import { dynamoDbTokenTable } from "../../functions/auth-core/adapters/dynamodb.ts";
import type { TokenTable } from "../../functions/auth-core/use-cases/ports.ts";
import { connectionId } from "../support/registration.ts";
import { startTable, type TestTable } from "../support/table.ts";

const now = 1_800_000_000;
let emulator: TestTable;
let table: TokenTable;

beforeAll(async () => {
  emulator = await startTable();
  table = dynamoDbTokenTable(emulator.name, emulator.config);
});
afterAll(() => emulator.close());

async function claims(name: string, at: number): Promise<number> {
  const all = Array.from({ length: 20 }, () => table.claimRegistrationCheck(connectionId(name), at, at - 60));
  return (await Promise.all(all)).filter(Boolean).length;
}

it("gives the look at a registration to one of 20 once a minute", async () => {
  await emulator.put({ connection: { S: "looked" }, generation: { N: "1" }, failures: { N: "1" } });

  const given = [await claims("looked", now), await claims("looked", now + 59.9), await claims("looked", now + 60)];

  expect(given).toEqual([1, 0, 1]);
  expect(await table.read(connectionId("looked"), "strong")).toMatchObject({
    registrationCheckedAt: now + 60,
    failures: 1,
  });
});

it("gives a look for each connection", async () => {
  await emulator.put({ connection: { S: "one" } });
  await emulator.put({ connection: { S: "other" } });

  expect([await claims("one", now), await claims("other", now)]).toEqual([1, 1]);
});
