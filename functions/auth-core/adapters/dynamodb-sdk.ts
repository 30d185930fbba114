import {
  DynamoDBClient,
  type DynamoDBClientConfig,
  GetItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { DynamoDb } from "./dynamodb.ts";
import { UnavailableError } from "./late.ts";
import { limitCalls } from "./whole-call.ts";

/** DynamoDB by the SDK: a timeout of 1 s and three attempts per call, and 3 s for all of them. */
export function dynamoDbClient(config: DynamoDBClientConfig): DynamoDb {
  const sdk = new DynamoDBClient({
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 1000, requestTimeout: 1000, throwOnRequestTimeout: true },
    ...config,
  });
  const client = limitCalls(sdk, 3000);
  return {
    async get(input, abortSignal) {
      return (await asUnavailable(client.send(new GetItemCommand(input), abortSignal && { abortSignal }))).Item;
    },
    async update(input) {
      try {
        return await asUnavailable(client.send(new UpdateItemCommand(input)));
      } catch (error) {
        if (error instanceof Error && error.name === "ConditionalCheckFailedException") return undefined;
        throw error;
      }
    },
    query: (input) => asUnavailable(client.send(new QueryCommand(input))),
    scan: (input) => asUnavailable(client.send(new ScanCommand(input))),
  };
}

/** Turns a failure of the table into an `UnavailableError`. An invalid request is a bug and is thrown as it is. */
async function asUnavailable<Output>(sent: Promise<Output>): Promise<Output> {
  try {
    return await sent;
  } catch (error) {
    if (!(error instanceof Error) || bugs.has(error.name)) throw error;
    // Only a time limit aborts a call.
    if (error.name === "AbortError") throw new UnavailableError("DynamoDB: no response in time");
    // The message of a parser would quote the tokens.
    const detail = error instanceof SyntaxError ? "" : `: ${error.message}`;
    throw new UnavailableError(`DynamoDB: ${error.name}${detail}`);
  }
}

const bugs = new Set(["ConditionalCheckFailedException", "ValidationException", "SerializationException", "TypeError"]);
