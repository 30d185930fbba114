import { Duration } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import { type MetricName, type MetricOrigins, originsOf, type Service } from "@smart-token-broker/auth-core/metrics.ts";
import { metricNamespace } from "@smart-token-broker/auth-core/rules/settings.ts";

type Filter = Partial<MetricOrigins>;
type Origin = ReturnType<typeof originsOf>[number];

export interface MetricOptions {
  /** Default: the sum. */
  statistic?: string;
  /** Default: a minute. */
  period?: Duration;
  label?: string | ((origin: Origin) => string);
}

/** The different values of a dimension of a metric. */
export function valuesOf<Dimension extends keyof Origin>(
  name: MetricName,
  dimension: Dimension,
  filter: Filter = {},
): Origin[Dimension][] {
  return [...new Set(originsOf(name, filter).map((origin) => origin[dimension]))];
}

/** Functions that return tokens, the sources of these tokens, and functions that replace tokens. */
export const serving = valuesOf("Remaining", "service");
/** Functions whose requests need a token: `calls` sends it to the API instead of returning it. */
export const needingTokens: Service[] = [...serving, "calls"];
export const tokenSources = valuesOf("Remaining", "source");
export const replacing = valuesOf("Replacements", "service");

/** Functions that are deployed only if a caller needs them. */
export type OptionalService = "oauth" | "calls";

/** The metrics of a stage that the functions emit. Their catalogue is `auth-core/metrics.ts`. */
export class BrokerMetrics {
  readonly #stage: string;
  readonly #absent: Service[];

  /** @param deployed names of the functions that are deployed: of the optional ones that are not, no metric is used */
  constructor(stage: string, deployed: Partial<Record<OptionalService, unknown>>) {
    this.#stage = stage;
    this.#absent = (["oauth", "calls"] as const).filter((name) => !deployed[name]);
  }

  /** The metric of this name for each combination of dimensions. Throws if `filter` has a value that no function emits. */
  all(name: MetricName, filter: Filter = {}, options: MetricOptions = {}): cloudwatch.Metric[] {
    const origins = originsOf(name, filter);
    const emitted = new Set<string>(origins.flatMap((origin) => Object.values(origin)));
    const wrong = Object.values(filter)
      .flat()
      .find((value) => !emitted.has(value));
    if (wrong !== undefined) throw new Error(`No function emits the metric ${name} with ${wrong}.`);
    const { statistic = cloudwatch.Stats.SUM, period = Duration.minutes(1), label } = options;
    const deployed = origins.filter(({ service }) => !this.#absent.includes(service));
    return deployed.map(
      (origin) =>
        new cloudwatch.Metric({
          namespace: metricNamespace,
          metricName: name,
          dimensionsMap: { ...origin, stage: this.#stage },
          statistic,
          period,
          ...(label !== undefined && { label: typeof label === "string" ? label : label(origin) }),
        }),
    );
  }

  /** As `all`, for a metric with one combination of dimensions. */
  one(name: MetricName, filter: Filter = {}, options: MetricOptions = {}): cloudwatch.Metric {
    const [metric, ...others] = this.all(name, filter, options);
    if (metric === undefined || others.length > 0) throw new Error(`The metric ${name} needs a narrower filter.`);
    return metric;
  }
}

/**
 * The sum of metrics, minus those in `subtracted`. A metric without data counts as 0. An alarm accepts at most ten.
 *
 * All in one SUM: a metric-math operator between two series has no result if one of them has no data.
 */
export function total(
  metrics: cloudwatch.Metric[],
  label: string,
  period: Duration = Duration.minutes(1),
  subtracted: cloudwatch.Metric[] = [],
): cloudwatch.MathExpression {
  // An id must be unique in its graph and start with a lower-case letter.
  const all = [...metrics, ...subtracted];
  const ids = all.map((_, index) => `${label.toLowerCase().replaceAll(/[^a-z0-9]/g, "_")}_${index}`);
  const parts = ids.map((id, index) => `${index < metrics.length ? "" : "-1 * "}FILL(${id}, 0)`);
  return new cloudwatch.MathExpression({
    expression: `SUM([${parts.join(", ")}])`,
    // The expression's period would replace another one anyway, with a warning.
    usingMetrics: Object.fromEntries(all.map((metric, index) => [ids[index], metric.with({ period })])),
    label,
    period,
  });
}
