import { type AwsAccess, readAwsAccess } from "../rules/aws-access.ts";
import { once } from "../rules/once.ts";
import type { DynamoDb } from "./dynamodb.ts";
import { leanRead } from "./lean-read.ts";

/** Milliseconds for the SDK after a lean read (1 s) that failed: with it, a read takes no longer than three attempts. */
const fallbackTimeout = 2000;

/**
 * DynamoDB with a fast first read: a lean signed request, without the SDK (docs/adr/0004-a-lean-first-read.md). The SDK is
 * loaded for every other call. If a lean read fails, the SDK repeats it, and makes all later reads of the environment.
 *
 * @param access `undefined`: the SDK makes all calls
 * @param loadSdk loads and configures the SDK
 */
export function leanDynamoDb(
  access: AwsAccess | undefined = readAwsAccess(process.env),
  loadSdk: () => Promise<DynamoDb> = async () => (await import("./dynamodb-sdk.ts")).dynamoDbClient({}),
): DynamoDb {
  const sdk = once(loadSdk);
  let read = access && leanRead(access);
  return {
    async get(input) {
      if (!read) return (await sdk()).get(input);
      try {
        return await read(input);
      } catch {
        read = undefined;
        // The time to load it is not the table's.
        const loaded = await sdk();
        return loaded.get(input, AbortSignal.timeout(fallbackTimeout));
      }
    },
    update: async (input) => (await sdk()).update(input),
    query: async (input) => (await sdk()).query(input),
    scan: async (input) => (await sdk()).scan(input),
  };
}
