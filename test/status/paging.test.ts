import { afterAll, beforeAll, expect, it } from "vitest";
import { statusEvent } from "../../fixtures/status-event.ts";
import { startStatus } from "./status-function.ts";
import { storedItemAt } from "./items.ts";

const count = 1100;
let status: Awaited<ReturnType<typeof startStatus>>;

beforeAll(async () => {
  status = await startStatus();
  const now = Date.now() / 1000;
  await status.put(Array.from({ length: count }, (_, index) => storedItemAt(now, `connection-${index}`)));
  await status.put([{ connection: { S: "#revoked-caller-keys" }, revokedKeys: { M: { fake: { M: {} } } } }]);
});
afterAll(() => status?.close());

/** Every page of the list, as connection ids. */
async function pages(limit?: string): Promise<string[][]> {
  const all: string[][] = [];
  let cursor: string | undefined;
  do {
    const query = { ...(limit !== undefined && { limit }), ...(cursor !== undefined && { cursor }) };
    const { statusCode, json } = await status.ask(statusEvent({ query }));
    if (statusCode !== 200) throw new Error(JSON.stringify(json));
    all.push(json.connections.map(({ connection }: { connection: string }) => connection));
    cursor = json.next_cursor;
  } while (cursor !== undefined);
  return all;
}

it.each([
  ["500", 500],
  [undefined, 100],
])(
  "GET /v1/status with the limit %s lists each connection once, %i a page, and no revoked caller keys",
  async (limit, size) => {
    const all = await pages(limit);

    const ids = all.flat();
    expect(all.slice(0, Math.floor(count / size)).map((page) => page.length)).toEqual(
      Array.from({ length: Math.floor(count / size) }, () => size),
    );
    expect([ids.length, new Set(ids).size]).toEqual([count, count]);
    const scans = status.requests.map(({ output }) => output).join("");
    expect(scans).toContain("connection-1099");
    expect(scans).not.toContain("revoked");
  },
);
