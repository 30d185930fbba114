import { expect, it } from "vitest";
import { TrafficCounter } from "../../dashboard/traffic.ts";
import { lineAt, requestAt, start } from "./lines.ts";

const counted = (...lines: Parameters<TrafficCounter["add"]>[0][]) => {
  const counter = new TrafficCounter();
  for (const line of lines) counter.add(line);
  return counter;
};

it("counts requests by source, errors by code and calls to Smart Services, in steps", () => {
  const counter = counted(
    requestAt(0, {}),
    requestAt(1, { source: "table" }),
    requestAt(16, { source: "upstream", validity: "expired" }),
    requestAt(17, { code: "upstream_unavailable", source: "none" }),
    requestAt(18, { code: "invalid_client", source: "none", service: "oauth" }),
    requestAt(18, { service: "calls", source: "api" }),
    requestAt(18, { service: "calls", source: "api", code: "api_5xx" }),
    requestAt(18, { service: "calls", source: "none", code: "api_timeout" }),
    requestAt(19, { service: "status", source: "table" }),
    lineAt(19, "upstream_called", { grant: "api_key", outcome: "tokens" }),
    lineAt(19, "upstream_called", { grant: "api_key", outcome: "unavailable" }),
  );

  const { steps, errors, stepSeconds, end } = counter.traffic(start + 29, 600);

  expect([stepSeconds, end, steps.length]).toEqual([15, start + 30, 40]);
  const none = { memory: 0, table: 0, upstream: 0, api: 0, failed: 0, refused: 0, missed: 0, calls: 0, callsFailed: 0 };
  expect(steps.slice(-3)).toEqual([
    none,
    { ...none, memory: 1, table: 1 },
    { ...none, upstream: 1, api: 2, missed: 1, failed: 1, refused: 2, calls: 2, callsFailed: 1 },
  ]);
  expect(errors).toEqual({ upstream_unavailable: 1, invalid_client: 1, api_5xx: 1, api_timeout: 1 });
});

it("says how many requests come in a second, by those of the last minute", () => {
  const counter = counted(requestAt(0, {}), ...Array.from({ length: 120 }, (_, at) => requestAt(100 + at / 2, {})));

  expect(counter.traffic(start + 160, 7200).requestsPerSecond).toBeCloseTo(2, 0);
});

it("forgets what is older than two hours", () => {
  const counter = counted(requestAt(0, {}), requestAt(7300, {}));

  const { steps } = counter.traffic(start + 7300, 7200);

  expect(steps.reduce((sum, { memory }) => sum + memory, 0)).toBe(1);
});
