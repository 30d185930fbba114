import { type AwsAccess, readAwsAccess } from "../rules/aws-access.ts";
import { UnavailableError } from "../rules/failure.ts";
import type { Notice } from "../rules/notice.ts";
import { once } from "../rules/once.ts";
import type { DynamoDb } from "./dynamodb.ts";
import { leanRead } from "./lean-read.ts";

/** Milliseconds for the SDK after a lean read that took its whole second: both take as long as three attempts of the SDK. */
const timeoutAfterTimeout = 2000;

/**
 * DynamoDB with a fast first read: a lean signed request, without the SDK (docs/adr/0004-a-lean-first-read.md). The SDK is
 * loaded for every other call. If a lean read fails, the SDK repeats it, and makes all later reads of the environment: so
 * there is at most one notice of it.
 *
 * @param access `undefined`: the SDK makes all calls
 * @param loadSdk loads and configures the SDK
 */
export function leanDynamoDb(
  notice: (notice: Notice) => void,
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
      } catch (error) {
        // The environment was frozen. No request waits for such a read, and DynamoDB is not the cause.
        if (error instanceof UnavailableError) throw error;
        read = undefined;
        const isLate = error instanceof Error && error.name === "TimeoutError";
        notice({ kind: "lean_read_failed", reason: isLate ? "no response within 1 s" : reasonOf(error) });
        // Before the time limit starts: loading the SDK takes none of it.
        const loaded = await sdk();
        return loaded.get(input, isLate ? AbortSignal.timeout(timeoutAfterTimeout) : undefined);
      }
    },
    update: async (input) => (await sdk()).update(input),
    query: async (input) => (await sdk()).query(input),
    scan: async (input) => (await sdk()).scan(input),
  };
}

function reasonOf(error: unknown): string {
  // The message of a parser would quote the tokens.
  return error instanceof Error && !(error instanceof SyntaxError) ? error.message : "no JSON";
}
