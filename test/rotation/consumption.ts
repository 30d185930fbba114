import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { vi } from "vitest";

/** What DynamoDB said that a stretch of work cost. */
export interface Consumption {
  /** Pages of the index that were asked for, empty ones too. */
  pages: number;
  emptyPages: number;
  /** Items that the index read, returned or not. */
  itemsRead: number;
  /** Calls of each command. */
  commands: Record<string, number>;
  /** Units that reading the index consumed, and all commands together. */
  indexUnits: number;
  units: number;
}

interface Input {
  ReturnConsumedCapacity?: string;
}
interface Output {
  ScannedCount?: number;
  ConsumedCapacity?: { CapacityUnits?: number };
}

/** Does the work, and counts what every DynamoDB client of this process consumes meanwhile. */
export async function metered<Result>(
  work: () => Promise<Result>,
): Promise<{ result: Result; consumption: Consumption }> {
  const consumption: Consumption = { pages: 0, emptyPages: 0, itemsRead: 0, commands: {}, indexUnits: 0, units: 0 };
  const send = Reflect.get(DynamoDBClient.prototype, "send") as (command: { input: Input }) => Promise<Output>;
  const spy = vi.spyOn(DynamoDBClient.prototype, "send").mockImplementation(async function (
    this: DynamoDBClient,
    command: { input: Input },
  ) {
    command.input.ReturnConsumedCapacity = "TOTAL";
    const output = await send.call(this, command);
    const name = command.constructor.name.replace(/Command$/, "");
    const units = output.ConsumedCapacity?.CapacityUnits;
    if (units === undefined) throw new Error(`${name} does not say what it consumed.`);
    consumption.commands[name] = (consumption.commands[name] ?? 0) + 1;
    consumption.units += units;
    if (name === "Query") {
      consumption.pages += 1;
      consumption.emptyPages += output.ScannedCount === 0 ? 1 : 0;
      consumption.itemsRead += output.ScannedCount ?? 0;
      consumption.indexUnits += units;
    }
    return output;
  } as never);
  try {
    return { result: await work(), consumption };
  } finally {
    spy.mockRestore();
  }
}
