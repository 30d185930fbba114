import type { IncomingMessage, ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { dynamoDbClient } from "../../functions/auth-core/adapters/dynamodb-sdk.ts";
import { dynamoDbTokenTable } from "../../functions/auth-core/adapters/dynamodb.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { emulatorConfig } from "../../fixtures/aws.ts";
import { fakeTokenSet } from "../support/items.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { serve } from "../support/server.ts";
import { bySdk, readers } from "./readers.ts";

const connection = connectionId("webapicorso");
const now = 1_800_000_000;
const lease = { expected: undefined, owner: "owner-1", now, until: now + 15 };
const next = { connection, generation: 1, failures: 0, tokenSet: fakeTokenSet() };
const fence = { owner: "owner-1", generation: 0 };

type At = typeof bySdk;
const tableAt = (url: string, at: At = bySdk) => dynamoDbTokenTable("fake-connections", at(url));
const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

/** A DynamoDB with one response, which counts its requests. */
async function startStub(status: number, body: string, at?: At) {
  let requests = 0;
  const url = await serve((request, response) => {
    requests += 1;
    request.resume();
    response.writeHead(status, { "content-type": "application/x-amz-json-1.0" }).end(body);
  });
  return { table: tableAt(url, at), requests: () => requests };
}

const errorBody = (type: string, message = "fake message") =>
  JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, message });

describe.each(readers)("the DynamoDB adapter %s", (_name, at, extra) => {
  it.each([
    ["throttles", 400, "ProvisionedThroughputExceededException", 3],
    ["fails inside", 500, "InternalServerError", 3],
    ["denies the role", 400, "AccessDeniedException", 1],
    ["does not exist", 400, "ResourceNotFoundException", 1],
  ])("throws UnavailableError if the table %s (HTTP %i, %s, attempts: %i)", async (_case, status, type, attempts) => {
    const { table, requests } = await startStub(status, errorBody(type), at);

    const error = await failureOf(table.read(connection, "strong"));

    expect(error).toBeInstanceOf(UnavailableError);
    expect(String(error)).toContain(type);
    expect(requests()).toBe(attempts + extra);
  });

  it.each([
    ["is incomplete", '{"Item":{"accessToken":{"S":"fake-acc'],
    ["is not JSON", "fake-access-1"],
    ["continues after its end", '{"Item":{"a":{"S":"x"}}} fake-access-1'],
  ])("throws UnavailableError for a body that %s, and does not quote it", async (_case, body) => {
    const { table } = await startStub(200, body, at);

    const error = await failureOf(table.read(connection, "strong"));

    expect(error).toBeInstanceOf(UnavailableError);
    expect(String(error)).not.toContain("fake-acc");
  });

  it("makes a consistent read only on request", async () => {
    const consistent: unknown[] = [];
    const answer = async (request: IncomingMessage, response: ServerResponse) => {
      const input = (await json(request)) as { ConsistentRead: boolean };
      consistent.push(input.ConsistentRead);
      response.writeHead(200, { "content-length": 2, "x-amz-crc32": crc32("{}") }).end("{}");
    };
    const url = await serve((request, response) => void answer(request, response));

    await tableAt(url, at).read(connection, "strong");
    await tableAt(url, at).read(connection, "eventual");

    expect(consistent).toEqual([true, false]);
  });
});

describe("the DynamoDB adapter", () => {
  it("throws UnavailableError after three attempts of 1 s if the table hangs, by either reader", async () => {
    const hang = async (at: At) => {
      let requests = 0;
      const table = tableAt(await serve(() => void (requests += 1)), at);
      const started = performance.now();
      const error = await failureOf(table.read(connection, "strong"));
      return { error, requests, isOnTime: performance.now() - started < 4500 };
    };

    const hung = await Promise.all(readers.map(([, at]) => hang(at)));

    const error = new UnavailableError("DynamoDB: no response in time");
    const expected = { error, requests: 3, isOnTime: true };
    expect(hung).toEqual([expected, expected]);
  });

  it("throws UnavailableError from every method", async () => {
    const { table } = await startStub(400, errorBody("AccessDeniedException"));

    const errors = await Promise.all(
      [
        table.read(connection, "eventual"),
        table.takeLease(connection, lease),
        table.write(next, fence),
        table.release(connection, "owner-1"),
        table.claimRegistrationCheck(connection, now, now - 60),
      ].map(failureOf),
    );

    expect(errors.map((error) => error instanceof UnavailableError)).toEqual([true, true, true, true, true]);
  });

  it("puts no token of a write into its error", async () => {
    const { table } = await startStub(400, errorBody("AccessDeniedException"));

    const error = await failureOf(table.write(next, fence));

    expect(error).toBeInstanceOf(UnavailableError);
    expect(`${String(error)} ${JSON.stringify(error)} ${(error as Error).stack}`).not.toContain("fake-access-1");
  });

  it("throws the error of a bad request as it is, and does not repeat the request", async () => {
    const { table, requests } = await startStub(400, errorBody("ValidationException"));

    const error = await failureOf(table.write(next, fence));

    expect(error).not.toBeInstanceOf(UnavailableError);
    expect(error).toMatchObject({ name: "ValidationException" });
    expect(requests()).toBe(1);
  });

  it("throws UnavailableError without credentials", async () => {
    const credentials = () => Promise.reject(Object.assign(new Error("no role"), { name: "CredentialsProviderError" }));
    const client = dynamoDbClient({ ...emulatorConfig("http://127.0.0.1:1"), credentials });
    const table = dynamoDbTokenTable("fake-connections", client);

    expect(await failureOf(table.takeLease(connection, lease))).toBeInstanceOf(UnavailableError);
  });
});
