/** What some work does that AWS charges. */
export interface Work {
  /** Operations of DynamoDB by name, and `index writes`. */
  table: Record<string, number>;
  /** Calls of Secrets Manager by name. */
  secrets: Record<string, number>;
  /** Calls to Smart Services. */
  upstream: number;
  /** Of the function's log, without line ends. */
  logLines: number;
  logBytes: number;
  /** Custom metrics that the work emits: each combination of a name and dimensions. */
  metrics: string[];
}

interface MetricLine {
  _aws?: { CloudWatchMetrics: { Dimensions: string[][]; Metrics: { Name: string }[] }[] };
  [field: string]: unknown;
}

/** The metrics in a log line: each a name and the values of its dimensions. */
export function metricsOf(text: string): string[] {
  const line = JSON.parse(text) as MetricLine;
  return (line["_aws"]?.CloudWatchMetrics ?? []).flatMap(({ Dimensions: [names = []], Metrics }) =>
    Metrics.map(({ Name }) => [Name, ...names.map((name) => String(line[name]))].join(" ")),
  );
}

/** What was counted since. Pure. */
export function added(before: Record<string, number>, after: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(after).flatMap(([name, count]) => {
      const more = count - (before[name] ?? 0);
      return more === 0 ? [] : [[name, more] as const];
    }),
  );
}

/** What some work does more than other work. Pure. */
export function difference(work: Work, less: Work): Work {
  const logLines = work.logLines - less.logLines;
  return {
    table: added(less.table, work.table),
    secrets: added(less.secrets, work.secrets),
    upstream: work.upstream - less.upstream,
    logLines,
    // Without a line of its own, only the length of a number differs.
    logBytes: logLines === 0 ? 0 : work.logBytes - less.logBytes,
    metrics: work.metrics.filter((name) => !less.metrics.includes(name)),
  };
}
