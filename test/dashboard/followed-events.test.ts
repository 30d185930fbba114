import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { expect, it, onTestFinished } from "vitest";
import { dashboardClients } from "../../cli/dashboard/clients.ts";
import { FollowedEvents } from "../../cli/dashboard/followed-events.ts";
import { emulatorConfig } from "../../fixtures/aws.ts";
import { listen } from "../../fixtures/listen.ts";
import { start } from "./lines.ts";

const now = start + 7200;
const lineAt = (seconds: number, message: string) => ({
  eventId: `${message} ${seconds}`,
  timestamp: (start + seconds) * 1000,
  message: JSON.stringify({
    level: "WARN",
    message,
    timestamp: new Date((start + seconds) * 1000),
    connection: "acme",
  }),
});

/** CloudWatch Logs with these pages of one log group, and the requests for them. */
async function startLogs(pages: object[][]) {
  const requests: Record<string, unknown>[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = (await json(request)) as Record<string, unknown>;
    requests.push(body);
    const at = Number(body["nextToken"] ?? 0);
    const page = { events: pages[at] ?? [], ...(at < pages.length - 1 && { nextToken: String(at + 1) }) };
    response.writeHead(200, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify(page));
  };
  const server = createServer((request, response) => void answer(request, response));
  const { url, close } = await listen(server);
  const { logs: client } = dashboardClients(emulatorConfig(url));
  onTestFinished(async () => {
    client.destroy();
    await close();
  });
  return { requests, pages, events: new FollowedEvents(client) };
}

it("the events of two hours are read once, and then those of the last minute and later", async () => {
  const { requests, events } = await startLogs([[lineAt(7000, "registration_gone")]]);

  const found = await events.read(["fake-group"], now);
  const again = await events.read(["fake-group"], now + 60);

  expect(requests.map(({ startTime }) => startTime)).toEqual([start * 1000, (now - 60) * 1000]);
  expect([found, again].map((list) => list.map(({ kind }) => kind))).toEqual([
    ["registration_gone"],
    ["registration_gone"],
  ]);
  expect(events.behind).toBeUndefined();
});

it("a large log is read in parts, and the page says how far", async () => {
  const pages = Array.from({ length: 12 }, (_, at) => [lineAt(120 + at * 60, "registration_gone")]);
  const { requests, events } = await startLogs(pages);

  const first = await events.read(["fake-group"], now);
  const behind = events.behind;
  const then = await events.read(["fake-group"], now + 60);

  expect([first.length, then.length, requests.length]).toEqual([10, 12, 12]);
  expect(behind).toMatch(/\d\d:\d\dZ$/);
  expect(events.behind).toBeUndefined();
});

it("an event that is older than two hours is forgotten", async () => {
  const { events, pages } = await startLogs([[lineAt(10, "registration_gone")]]);
  await events.read(["fake-group"], now);
  pages[0] = [];

  expect(await events.read(["fake-group"], now + 60)).toEqual([]);
});
