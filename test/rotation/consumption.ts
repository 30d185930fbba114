import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { vi } from "vitest";

/** What DynamoDB reports that some work consumed. */
export interface Consumption {
  /** Pages of the index that were read, empty ones too. */
  pages: number;
  emptyPages: number;
  /** Items that the index read, whether it returned them or not. */
  itemsRead: number;
  /** Calls of each command. */
  commands: Record<string, number>;
  /** Capacity units consumed by reading the index, and by all commands. */
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

/** Counts what all DynamoDB clients of this process consume during some work. */
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
    if (units === undefined) throw new Error(`${name} does not report what it consumed.`);
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
