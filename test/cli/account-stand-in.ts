/** What the stand-in answers for Lambda's account settings, the alarms of stage dev and their topic. */
export interface Account {
  concurrency: number;
  /** Reserved for each function that has a reservation, by its name. */
  reserved: Record<string, number>;
  /** ARNs of subscriptions, or what SNS writes instead. */
  subscriptions: string[];
  alarms: { AlarmName: string; StateValue: string; ActionsEnabled: boolean }[];
  /** CloudWatch's record of an alarm that starts: its summary. `undefined`: it records nothing. */
  onAlarm: string | undefined;
  history: { AlarmName: string; Timestamp: number; HistorySummary: string }[];
  /** SNS's metrics: the sum in the last period. */
  counts: { Delivered: number; Failed: number };
  /** The requests that set an alarm. */
  set: { AlarmName: string; StateValue: string; StateReason: string }[];
  /** Sum of a metric in the last day, by its name, with service, code and source if it has them. */
  daySums: Record<string, number>;
  /** Values of a metric at one instant, by its name and the dimensions code and source. Absent: `daySums`. */
  valuesAt?: { at: number; values: Record<string, number> };
}

export const topic = "arn:aws:sns:eu-south-1:123456789012:fake-topic";
export const alarmName = "smart-token-broker-dev-dead-letters";

/** CloudWatch's words if the topic's key does not allow it. */
export const keyDenies = "CloudWatch Alarms does not have authorization to access the SNS topic encryption key.";
export const succeeded = `Successfully executed action ${topic}`;
export const failed = `Failed to execute action ${topic}. Received error: "${keyDenies}"`;

/** An account in which alarms arrive. */
export function healthyAccount(): Account {
  return {
    concurrency: 1000,
    reserved: {},
    subscriptions: [`${topic}:1`],
    // The last two notify no one on purpose: one rolls a deployment back.
    alarms: ["errors", "dead-letters", "rollback-errors", "unusual-calls"].map((name) => ({
      AlarmName: `smart-token-broker-dev-${name}`,
      StateValue: "OK",
      ActionsEnabled: !/^(rollback|unusual-calls)/.test(name),
    })),
    onAlarm: succeeded,
    history: [],
    counts: { Delivered: 1, Failed: 0 },
    set: [],
    daySums: {
      Invocations: 1440,
      IncomingBytes: 1440 * 650,
      Errors: 0,
      "token Requests ok memory": 1430,
      "token Requests ok table": 10,
    },
  };
}

interface Metric {
  MetricName: string;
  Dimensions: { Name: string; Value: string }[];
}

function nameOf({ MetricName, Dimensions }: Metric): string {
  const value = (name: string) => Dimensions.find(({ Name }) => Name === name)?.Value;
  return [value("service"), MetricName, value("code"), value("source")].join(" ");
}

/** The answer of CloudWatch to an operation; `now` is the instant of what it records. */
export function cloudWatch(account: Account, operation: string, input: Record<string, unknown>): object {
  const now = 1_790_000_000 + account.set.length;
  switch (operation) {
    case "DescribeAlarms":
      return { MetricAlarms: account.alarms.map((alarm) => ({ ...alarm, AlarmActions: [topic] })) };
    case "DescribeAlarmHistory":
      return { AlarmHistoryItems: account.history.filter(({ AlarmName }) => AlarmName === input["AlarmName"]) };
    case "SetAlarmState": {
      const set = input as Account["set"][number];
      account.set.push(set);
      const record = { AlarmName: set.AlarmName, Timestamp: now, HistorySummary: account.onAlarm ?? "" };
      if (account.onAlarm !== undefined) account.history.unshift(record);
      return {};
    }
    case "GetMetricData": {
      const queries = input["MetricDataQueries"] as { Id: string; MetricStat: { Metric: Metric } }[];
      const { valuesAt } = account;
      if (valuesAt) {
        return {
          MetricDataResults: queries.map(({ Id, MetricStat: { Metric } }) => {
            const value = valuesAt.values[nameOf(Metric)];
            return {
              Id,
              Timestamps: value === undefined ? [] : [valuesAt.at],
              Values: value === undefined ? [] : [value],
            };
          }),
        };
      }
      const sum = (metric: Metric) => account.daySums[nameOf(metric).trim()] ?? 0;
      return {
        MetricDataResults: queries.map(({ Id, MetricStat }) => ({
          Id,
          Values: [1, sum(MetricStat.Metric) - 1],
        })),
      };
    }
    default: {
      const outcome = String(input["MetricName"]).replace("NumberOfNotifications", "") as keyof Account["counts"];
      return { Datapoints: [{ Timestamp: now, Sum: account.counts[outcome] }] };
    }
  }
}
