import { Duration } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";

export type Service = "token" | "oauth" | "status" | "token-rotation" | "key-rotation" | "prober";

/** Which of a metric's values are meant: every metric of the functions has these dimensions, and no others. */
export interface Origin {
  service: Service;
  code: string;
  source: string;
}

export interface MetricOptions {
  statistic?: string;
  period?: Duration;
  label?: string;
}

/**
 * The metrics that the functions emit (`auth-core/telemetry.ts`), by name. What is named here and emitted nowhere would
 * be a line that is always flat: a test joins the two.
 */
export class BrokerMetrics {
  readonly #stage: string;

  constructor(stage: string) {
    this.#stage = stage;
  }

  /** One metric; the sum of a minute, unless told otherwise. */
  of(name: string, origin: Origin, options: MetricOptions = {}): cloudwatch.Metric {
    const { statistic = cloudwatch.Stats.SUM, period = Duration.minutes(1), label } = options;
    return new cloudwatch.Metric({
      namespace: "SmartTokenBroker",
      metricName: name,
      dimensionsMap: { service: origin.service, stage: this.#stage, code: origin.code, source: origin.source },
      statistic,
      period,
      ...(label !== undefined && { label }),
    });
  }

  /** A metric of several origins, every combination that is given. */
  each(name: string, origins: { services: Service[]; codes: string[]; sources?: string[] }): cloudwatch.Metric[] {
    const { services, codes, sources = ["none"] } = origins;
    return services.flatMap((service) =>
      codes.flatMap((code) => sources.map((source) => this.of(name, { service, code, source }))),
    );
  }
}

/**
 * The sum of metrics, less those in `less`; one without data counts as 0. An alarm takes at most ten of them.
 *
 * Within the sum and not behind it: an operator between two series gives nothing where one of them has no data.
 */
export function total(
  metrics: cloudwatch.IMetric[],
  label: string,
  period: Duration = Duration.minutes(1),
  less: cloudwatch.IMetric[] = [],
): cloudwatch.MathExpression {
  // An id is unique in its graph, and starts with a letter of the small ones.
  const all = [...metrics, ...less];
  const ids = all.map((_, index) => `${label.toLowerCase().replaceAll(/[^a-z0-9]/g, "_")}_${index}`);
  const parts = ids.map((id, index) => `${index < metrics.length ? "" : "-1 * "}FILL(${id}, 0)`);
  return new cloudwatch.MathExpression({
    expression: `SUM([${parts.join(", ")}])`,
    usingMetrics: Object.fromEntries(all.map((metric, index) => [ids[index], metric])),
    label,
    period,
  });
}
