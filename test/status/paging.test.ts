import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { statusEvent } from "./event.ts";
import { startStatus } from "./status-function.ts";
import { storedItemAt } from "./items.ts";

const count = 10_000;
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

describe("GET /v1/status, with 10,000 connections,", () => {
  it("lists each connection once, page by page, and each page well within the function's timeout", async () => {
    const all = await pages("500");

    const ids = all.flat();
    expect(all.slice(0, 20).map((page) => page.length)).toEqual(Array.from({ length: 20 }, () => 500));
    expect([ids.length, new Set(ids).size]).toEqual([count, count]);
    const lines = status.printed.filter((line) => line.includes('"Duration":')).map((line) => JSON.parse(line));
    expect(lines.length).toBeGreaterThanOrEqual(20);
    expect(Math.max(...lines.map(({ Duration }) => Duration))).toBeLessThan(5000);
  });

  it("does not list the item of the revoked caller keys", async () => {
    const scans = status.requests.map(({ output }) => output).join("");

    expect(scans).toContain("connection-9999");
    expect(scans).not.toContain("revoked");
  });

  it("lists a hundred connections if the request has no limit", async () => {
    const { json } = await status.ask(statusEvent());

    expect(json.connections).toHaveLength(100);
    expect(json.next_cursor).toMatch(/^[\w-]+$/);
  });
});

describe("cursor", () => {
  it("continues after the last connection of its page", async () => {
    const first = await status.ask(statusEvent({ query: { limit: "2" } }));
    const { next_cursor: cursor, connections } = first.json;
    const second = await status.ask(statusEvent({ query: { limit: "2", cursor } }));

    const ids = [...connections, ...second.json.connections].map(({ connection }) => connection);
    expect(new Set(ids).size).toBe(4);
    const four = await status.ask(statusEvent({ query: { limit: "4" } }));
    expect(four.json.connections.map(({ connection }: { connection: string }) => connection)).toEqual(ids);
  });
});
