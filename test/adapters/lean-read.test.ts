import type { IncomingMessage, ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { describe, expect, it, onTestFinished, test, vi } from "vitest";
import { dynamoDbClient } from "../../functions/auth-core/adapters/dynamodb-sdk.ts";
import { leanDynamoDb } from "../../functions/auth-core/adapters/dynamodb-lean.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { Notice } from "../../functions/auth-core/rules/notice.ts";
import { emulatorConfig } from "../../fixtures/aws.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { serve } from "../support/server.ts";
import { startTable } from "../../fixtures/table.ts";
import { deployedDynamoDb } from "../../fixtures/deployed-dynamodb.ts";
import { bySdk, expectStoredItems, readers } from "./readers.ts";

const connection = connectionId("webapicorso");
const input = { TableName: "fake-connections", Key: { connection: { S: connection } }, ConsistentRead: true };
const item = { connection: { S: connection }, accessToken: { S: "fake-access-1" } };
const good = JSON.stringify({ Item: item });

/** Answers with the item, and with these headers in place of the right ones; `undefined` leaves one out. */
function answer(response: ServerResponse, headers: Record<string, string | undefined> = {}, body = good, status = 200) {
  const right = { "content-length": String(Buffer.byteLength(body)), "x-amz-crc32": String(crc32(body)) };
  const sent = Object.entries({ ...right, ...headers }).filter(([, value]) => value !== undefined);
  response.writeHead(status, Object.fromEntries(sent) as Record<string, string>).end(body);
}

/** A server that answers its nth request, from 1, by `respond`. It records who asked, over which port of the client. */
async function startServer(respond: (nth: number, response: ServerResponse, request: IncomingMessage) => void) {
  const requests: { by: "lean" | "sdk"; port: number | undefined; headers: IncomingMessage["headers"] }[] = [];
  const url = await serve((request, response) => {
    const { headers, socket } = request;
    const by = headers["user-agent"]?.includes("aws-sdk-js") ? "sdk" : "lean";
    const nth = requests.push({ by, port: socket.remotePort, headers });
    request.resume().on("end", () => respond(nth, response, request));
  });
  return { url, requests, readers: () => requests.map(({ by }) => by) };
}

test.each(readers)("An item that is read %s is the same as stored, whatever it contains", async (_name, at) => {
  const table = await startTable();
  await expectStoredItems(table, at);
  await table.close();
});

describe("A lean read", () => {
  it("loads no SDK, and uses its connection again", async () => {
    const server = await startServer((_nth, response) => answer(response));
    const dynamoDb = deployedDynamoDb(server.url, () => Promise.reject(new Error("loaded the SDK")));

    expect(await dynamoDb.get(input)).toEqual(item);
    await nextTurn();
    expect(await dynamoDb.get(input)).toEqual(item);

    expect(server.readers()).toEqual(["lean", "lean"]);
    expect(server.requests[1]?.port).toBe(server.requests[0]?.port);
  });

  // docs/faults.md has the responses that fail, break off or never come.
  it.each([
    ["has HTTP 206", "HTTP 206", (response: ServerResponse) => answer(response, {}, good, 206)],
    ["redirects", "HTTP 307", (response: ServerResponse) => answer(response, { location: "/elsewhere" }, good, 307)],
    [
      "has a wrong checksum",
      "its length or checksum is missing or wrong",
      (response: ServerResponse) => answer(response, { "x-amz-crc32": "1" }),
    ],
    [
      "has no checksum",
      "its length or checksum is missing or wrong",
      (response: ServerResponse) => answer(response, { "x-amz-crc32": undefined }),
    ],
    [
      "has no length",
      "its length or checksum is missing or wrong",
      (response: ServerResponse) => answer(response, { "content-length": undefined }),
    ],
    ["is no JSON", "no JSON", (response: ServerResponse) => answer(response, {}, "fake-access-1")],
    [
      "has more than 1 MiB",
      "more than 1048576 bytes",
      (response: ServerResponse) => answer(response, {}, `${good}${" ".repeat(2 ** 20)}`),
    ],
  ])(
    "whose response %s is repeated by the SDK, which makes all later reads: the log has one line, %j",
    async (_case, reason, misbehave) => {
      const server = await startServer((nth, response) => (nth === 1 ? misbehave(response) : answer(response)));
      const notices: Notice[] = [];
      const dynamoDb = deployedDynamoDb(server.url, undefined, (notice) => notices.push(notice));

      expect(await dynamoDb.get(input)).toEqual(item);
      expect(await dynamoDb.get(input)).toEqual(item);

      expect(server.readers()).toEqual(["lean", "sdk", "sdk"]);
      expect(notices).toEqual([{ kind: "lean_read_failed", reason: reason }]);
    },
  );

  it.each([
    ["reset", (request: IncomingMessage) => request.socket.resetAndDestroy()],
    ["closed", (request: IncomingMessage) => request.socket.destroy()],
  ])("over connections that were %s meanwhile is sent again over a new one", async (_case, end) => {
    const used = new Set<unknown>();
    const server = await startServer((_nth, response, request) => {
      if (used.has(request.socket)) return void end(request);
      used.add(request.socket);
      answer(response);
    });
    const dynamoDb = deployedDynamoDb(server.url, () => Promise.reject(new Error("loaded the SDK")));
    await Promise.all([dynamoDb.get(input), dynamoDb.get(input)]);
    await nextTurn();

    expect(await dynamoDb.get(input)).toEqual(item);

    expect([server.requests.length, used.size]).toEqual([4, 3]);
  });

  it.each([
    ["never comes", () => {}],
    ["is only a closed connection", (response: ServerResponse) => void response.destroy()],
  ])(
    "fails if the environment was frozen and its response %s: later reads are lean, and no line blames DynamoDB",
    async (_case, end) => {
      const server = await startServer((nth, response) => {
        if (nth > 1) return answer(response);
        vi.spyOn(Date, "now").mockReturnValue(Date.now() + 60_000);
        end(response);
      });
      onTestFinished(() => void vi.restoreAllMocks());
      const notices: Notice[] = [];
      const dynamoDb = deployedDynamoDb(server.url, undefined, (notice) => notices.push(notice));

      await expect(dynamoDb.get(input)).rejects.toThrow(UnavailableError);
      expect(await dynamoDb.get(input)).toEqual(item);

      expect(server.readers()).toEqual(["lean", "lean"]);
      expect(notices).toEqual([]);
    },
  );

  it("is sent again only once", async () => {
    const server = await startServer((nth, response, { socket }) =>
      nth === 2 || nth === 3 ? void socket.destroy() : answer(response),
    );
    const dynamoDb = deployedDynamoDb(server.url);
    await dynamoDb.get(input);
    await nextTurn();

    expect(await dynamoDb.get(input)).toEqual(item);

    expect(server.readers()).toEqual(["lean", "lean", "lean", "sdk"]);
  });

  it("is not made without credentials in the environment: the SDK finds them elsewhere", async () => {
    const server = await startServer((_nth, response) => answer(response));
    const dynamoDb = leanDynamoDb(
      () => {},
      undefined,
      async () => dynamoDbClient(emulatorConfig(server.url)),
    );

    expect(await dynamoDb.get(input)).toEqual(item);

    expect(server.readers()).toEqual(["sdk"]);
  });

  it("sends the same request as the SDK, and its secret key only as a signature", async () => {
    const server = await startServer((_nth, response) => answer(response));

    await Promise.all([bySdk(server.url).get(input), deployedDynamoDb(server.url).get(input)]);

    const [one, other] = server.requests.map(({ headers }) => headers);
    for (const name of ["content-type", "x-amz-target", "content-length", "host"]) {
      expect(one?.[name]).toBe(other?.[name]);
    }
    expect(JSON.stringify([one, other])).not.toContain("fake-secret");
  });
});
