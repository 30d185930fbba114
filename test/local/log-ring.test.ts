import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LogRing } from "../../local/log-ring.ts";
import { logsPage } from "../../local/logs-page.ts";
import { listenOnLoopback, type LoopbackServer } from "../../console/loopback-server.ts";

function filled(lines: number, capacity = 5000): LogRing {
  const ring = new LogRing(capacity, () => 1000);
  for (let at = 1; at <= lines; at += 1) ring.add(JSON.stringify({ message: `line ${at}` }));
  return ring;
}

describe("the kept lines of a local run", () => {
  it("are numbered from 1, with the instant at which they came", () => {
    expect(filled(1).after(0)).toEqual({ lines: [{ number: 1, at: 1000, line: { message: "line 1" } }], next: 1 });
  });

  it("include events", () => {
    const ring = new LogRing();
    ring.add('{"event":{"detailType":"api_key_rotated"}}');
    expect(ring.after(0).lines).toMatchObject([{ line: { event: { detailType: "api_key_rotated" } } }]);
  });

  it.each(['{"_aws":{}}', "    at handler (index.mjs:1)", '"text"', "{broken", ""])("leave out %s", (text) => {
    const ring = new LogRing();
    ring.add(text);
    expect(ring.after(0)).toEqual({ lines: [], next: 0 });
  });

  it("are the last ones only", () => {
    const { lines, next } = filled(5, 3).after(0);
    expect([lines.map(({ number }) => number), next]).toEqual([[3, 4, 5], 5]);
  });

  it("continue after a number, page by page", () => {
    const ring = filled(5, 4);
    const { lines, next } = ring.after(2, 2);
    expect([lines.map(({ number }) => number), next]).toEqual([[3, 4], 4]);
    expect(ring.after(next, 2).lines.map(({ number }) => number)).toEqual([5]);
    expect(ring.after(5)).toEqual({ lines: [], next: 5 });
  });

  it("start again for a reader of an earlier run", () => {
    expect(filled(2).after(99).lines).toHaveLength(2);
  });
});

describe("GET /_local/logs", () => {
  let server: LoopbackServer;
  const page = logsPage(filled(2));

  beforeAll(async () => {
    server = await listenOnLoopback(
      (request, response) => {
        if (!page(request, response)) response.writeHead(404).end();
      },
      { pages: true },
    );
  });
  afterAll(() => server.close());

  const get = (path: string, init?: RequestInit) => fetch(server.url + path, init);

  it("answers with the lines after a number, all by default", async () => {
    expect(await (await get("/_local/logs")).json()).toMatchObject({ lines: [{ number: 1 }, { number: 2 }], next: 2 });
    expect(await (await get("/_local/logs?after=1")).json()).toMatchObject({ lines: [{ number: 2 }], next: 2 });
  });

  it("rejects a number that is none", async () => {
    expect((await get("/_local/logs?after=-1")).status).toBe(400);
  });

  it("leaves other requests to other pages", async () => {
    expect((await get("/_local/logs", { method: "POST" })).status).toBe(404);
    expect((await get("/_local/other")).status).toBe(404);
  });
});
