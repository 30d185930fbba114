import { expect, test, vi } from "vitest";
import { type LineFields, logLines } from "../../functions/auth-core/log-lines.ts";

/** The lines that some work prints. */
function printed(work: (lines: ReturnType<typeof logLines>) => void): Record<string, unknown>[] {
  const texts: string[] = [];
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => texts.push(String(text)) > 0);
  work(logLines({ service: "token", stage: "test" }));
  write.mockRestore();
  return texts.map((text) => {
    expect(text.indexOf("\n")).toBe(text.length - 1);
    return JSON.parse(text) as Record<string, unknown>;
  });
}

test("A line without metrics has no dimensions and no _aws", () => {
  const [line, ...others] = printed(({ log }) => log("warn", "fake", { connection: "acme" }));

  expect(others).toEqual([]);
  expect(line).toEqual({
    level: "WARN",
    message: "fake",
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    service: "token",
    stage: "test",
    connection: "acme",
  });
});

test("The metrics of a line have the given instant, and a metric without a value is neither declared nor written", () => {
  const values = { Requests: 1, Remaining: undefined };

  const [line] = printed(({ log }) => log("info", "fake", {}, { values, code: "internal", at: 1_000 }));

  expect(line).toMatchObject({ code: "internal", source: "none", Requests: 1 });
  expect(line).toMatchObject({
    _aws: { Timestamp: 1_000, CloudWatchMetrics: [{ Namespace: "SmartTokenBroker", Metrics: [{ Name: "Requests" }] }] },
  });
  expect(line).not.toHaveProperty("Remaining");
});

test("The instant of metrics is a whole number of milliseconds, as the format demands", () => {
  const seconds = 2_147_483_648.048;
  expect(seconds * 1000).not.toSatisfy(Number.isInteger);

  const [line] = printed(({ log }) => log("info", "fake", {}, { values: { Requests: 1 }, at: seconds * 1000 }));

  expect(line).toMatchObject({ _aws: { Timestamp: 2_147_483_648_048 } });
});

// `tsc` is the test: vitest does not check types.
test("A field cannot have the name of a metric, of a dimension or of a member that every line has", () => {
  // @ts-expect-error -- a metric
  const metric: LineFields = { Requests: 2 };
  // @ts-expect-error -- a dimension
  const dimension: LineFields = { code: "fake" };
  // @ts-expect-error -- in every line
  const common: LineFields = { message: "fake" };

  expect([metric, dimension, common]).toHaveLength(3);
});
