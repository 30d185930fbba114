import type { Resource, Synthesised } from "./synth.ts";
import { metricOrigins, type MetricName, originsOf } from "../../functions/auth-core/metrics.ts";
import { metricNamespace } from "../../functions/auth-core/rules/settings.ts";

/** Namespace, name and dimensions of a metric as one string. */
export const metricKey = (namespace: string, name: string, dimensions: Record<string, unknown>) =>
  `${namespace} ${name} ${Object.entries(dimensions)
    .map(([dimension, value]) => `${dimension}=${String(value)}`)
    .toSorted()
    .join(" ")}`;

/** The keys of all metrics of the catalogue. */
export const catalogue = (stage: string): Set<string> =>
  new Set(
    (Object.keys(metricOrigins) as MetricName[]).flatMap((name) =>
      originsOf(name).map((origin) => metricKey(metricNamespace, name, { ...origin, stage })),
    ),
  );

/** A metric that an alarm or a widget uses. */
export interface Referred {
  namespace: string;
  name: string;
  dimensions: Record<string, string>;
  statistic?: string | undefined;
  /** Seconds. */
  period: number | undefined;
  key: string;
}

interface MetricStat {
  Metric: { Namespace: string; MetricName: string; Dimensions?: { Name: string; Value: unknown }[] };
  Stat?: string;
  Period?: number;
}

/** The metrics of an alarm, including those in its expression. */
export function metricsOfAlarm({ Properties }: Resource, { render }: Synthesised): Referred[] {
  const entries: { MetricStat?: MetricStat }[] = Properties.Metrics ?? [
    { MetricStat: { Metric: Properties, Stat: Properties.Statistic, Period: Properties.Period } },
  ];
  return entries.flatMap(({ MetricStat: stat }) => {
    if (!stat) return [];
    const { Namespace, MetricName, Dimensions = [] } = stat.Metric;
    const dimensions = Object.fromEntries(Dimensions.map(({ Name, Value }) => [Name, render(Value)]));
    return [{ ...referred(Namespace, MetricName, dimensions, stat.Period), statistic: stat.Stat }];
  });
}

export interface Widget {
  type: string;
  properties: {
    title?: string;
    metrics?: (string | Record<string, unknown>)[][];
    insightRule?: { ruleName: string };
    alarms?: string[];
  };
}

/** The widgets of the dashboard. */
export function widgetsOf({ ofType, render }: Synthesised): Widget[] {
  const [dashboard] = ofType("AWS::CloudWatch::Dashboard");
  return (JSON.parse(render(dashboard?.Properties.DashboardBody)) as { widgets: Widget[] }).widgets;
}

/** The metrics of a widget, including those in its expressions. */
export function metricsOfWidget({ properties }: Widget): Referred[] {
  return (properties.metrics ?? []).flatMap((entry) => {
    const [namespace, name, ...rest] = entry.filter((part) => typeof part === "string");
    if (namespace === undefined || name === undefined) return [];
    const dimensions = Object.fromEntries(
      rest.flatMap((part, index) => (index % 2 === 0 ? [[part, rest[index + 1] ?? ""]] : [])),
    );
    const options = entry.at(-1);
    const period = typeof options === "object" ? Number(options["period"]) : undefined;
    return [referred(namespace, name, dimensions, period)];
  });
}

function referred(
  namespace: string,
  name: string,
  dimensions: Record<string, string>,
  period: number | undefined,
): Referred {
  return { namespace, name, dimensions, period, key: metricKey(namespace, name, dimensions) };
}
