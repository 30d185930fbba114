import type { IncomingMessage, ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { dynamoDbTokenTable } from "../../functions/auth-core/adapters/dynamodb.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { fakeTokenSet } from "../support/items.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { serve } from "../support/server.ts";
import { bySdk, readers } from "./readers.ts";

// What docs/faults.md does not have: errors that no repetition helps, and what an error must not quote.

const connection = connectionId("webapicorso");
const failureOf = (work: Promise<unknown>) => work.catch((error: unknown) => error);

/** A DynamoDB with one response. It keeps its requests. */
async function startStub(status: number, body: string, at = bySdk) {
  const requests: object[] = [];
  const headers = { "content-length": Buffer.byteLength(body), "x-amz-crc32": crc32(body) };
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    requests.push((await json(request)) as object);
    response.writeHead(status, { ...headers, "content-type": "application/x-amz-json-1.0" }).end(body);
  };
  const url = await serve((request, response) => void answer(request, response));
  return { table: dynamoDbTokenTable("fake-connections", at(url)), requests };
}

const errorBody = (type: string) => JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}` });

describe.each(readers)("the DynamoDB adapter %s", (_name, at, extra) => {
  it("throws UnavailableError if the table denies the role, and does not repeat the request", async () => {
    const { table, requests } = await startStub(400, errorBody("AccessDeniedException"), at);

    const error = await failureOf(table.read(connection, "strong"));

    expect(error).toBeInstanceOf(UnavailableError);
    expect(String(error)).toContain("AccessDeniedException");
    expect(requests).toHaveLength(1 + extra);
  });

  it("throws UnavailableError for a body that is not JSON, and does not quote it", async () => {
    const { table } = await startStub(200, "fake-access-1", at);

    const error = await failureOf(table.read(connection, "strong"));

    expect(error).toBeInstanceOf(UnavailableError);
    expect(String(error)).not.toContain("fake-acc");
  });

  it("makes a consistent read only on request", async () => {
    const { table, requests } = await startStub(200, "{}", at);

    await table.read(connection, "strong");
    await table.read(connection, "eventual");

    expect(requests).toMatchObject([{ ConsistentRead: true }, { ConsistentRead: false }]);
  });
});

it("the DynamoDB adapter throws the error of a bad request as it is, and does not repeat the request", async () => {
  const { table, requests } = await startStub(400, errorBody("ValidationException"));
  const next = { connection, generation: 1, failures: 0, tokenSet: fakeTokenSet() };

  const error = await failureOf(table.write(next, { owner: "owner-1", generation: 0 }));

  expect(error).not.toBeInstanceOf(UnavailableError);
  expect(error).toMatchObject({ name: "ValidationException" });
  expect(requests).toHaveLength(1);
});
