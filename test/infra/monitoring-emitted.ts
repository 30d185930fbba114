type Line = Record<string, unknown> & {
  _aws?: { CloudWatchMetrics: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string }[] }[] };
};

/** Namespace, name and dimensions of a metric as one string. */
export const metricKey = (namespace: string, name: string, dimensions: Record<string, unknown>) =>
  `${namespace} ${name} ${Object.entries(dimensions)
    .map(([dimension, value]) => `${dimension}=${String(value)}`)
    .toSorted()
    .join(" ")}`;

/** The JSON lines of the output, and the metrics in them (CloudWatch embedded metric format). */
export function metricsIn(printed: string[]): { lines: Line[]; metrics: Set<string> } {
  const lines = printed
    .flatMap((text) => text.split("\n"))
    .flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Line] : []));
  const metrics = lines.flatMap((line) =>
    (line["_aws"]?.CloudWatchMetrics ?? []).flatMap(({ Namespace, Dimensions, Metrics }) =>
      Dimensions.flatMap((names) =>
        Metrics.map(({ Name }) => {
          const dimensions = Object.fromEntries(names.map((name) => [name, line[name]]));
          return metricKey(Namespace, Name, dimensions);
        }),
      ),
    ),
  );
  return { lines, metrics: new Set(metrics) };
}
