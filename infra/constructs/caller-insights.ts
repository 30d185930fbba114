import { Aws, Stack } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import type { MonitoredResources } from "./monitored-resources.ts";

/** Rules of Contributor Insights and saved queries. They read the request lines of the log. */
export class CallerInsights extends Construct {
  /** The ten pairs of caller and connection with the most requests; of calls, also those to which the API answers 4xx. */
  readonly widgets: cloudwatch.IWidget[];

  constructor(scope: Construct, id: string, { settings, functions }: MonitoredResources) {
    super(scope, id);
    const named = (name: string) => `smart-token-broker-${settings.stage}-${name}`;
    const groupNames = (of: { logGroupName: string }[]) => of.map(({ logGroupName }) => logGroupName);
    const serving = groupNames(functions.oauth ? [functions.token, functions.oauth] : [functions.token]);

    // One rule for both keys: CloudWatch charges each line again for each rule that it matches.
    const rule = (name: string, title: string, groups: string[], filters: object[] = []) => {
      const { ruleName } = new cloudwatch.CfnInsightRule(this, name, {
        ruleName: named(name),
        ruleState: "ENABLED",
        ruleBody: Stack.of(this).toJsonString({
          Schema: { Name: "CloudWatchLogRule", Version: 1 },
          LogGroupNames: groups,
          LogFormat: "JSON",
          Contribution: {
            Keys: ["$.callerRole", "$.connection"],
            Filters: [{ Match: "$.message", In: ["request"] }, ...filters],
          },
          AggregateOn: "Count",
        }),
      });
      return new ContributorsWidget(title, ruleName);
    };
    const callers = rule("callers", "Requests by caller and connection", serving);
    const calls = groupNames(functions.calls ? [functions.calls] : []);
    this.widgets =
      calls.length === 0
        ? [callers]
        : [
            callers,
            rule("calls", "Calls by caller and connection", calls),
            rule("calls-4xx", "Calls to which the API answers 4xx, by caller and connection", calls, [
              { Match: "$.code", In: ["api_4xx"] },
            ]),
          ];

    new logs.CfnQueryDefinition(this, "WhoHadThisToken", {
      name: `${named("queries")}/who had this token`,
      logGroupNames: serving,
      queryString: `# printf %s "$TOKEN" | sha256sum | cut -c1-16
fields @timestamp, callerRole, connection, route, source, generation, Remaining, requestId
| filter message = "request" and tokenFingerprint = "0123456789abcdef"
| sort @timestamp desc
| limit 1000`,
    });
    new logs.CfnQueryDefinition(this, "WhatWentWrong", {
      name: `${named("queries")}/what went wrong`,
      logGroupNames: groupNames(Object.values(functions)),
      // Keep in step with the command `wrong` of docs/runbook.md. Lambda's own lines have a `type`, and no level. With the
      // system log level WARN, it writes only those about timeouts, crashes and dropped lines.
      queryString: `fields @timestamp, service, message, connection, callerRole, route, status, code, reason, detail, validity, warning, requestId, error.message, error.stack, type, record.status, record.errorType, record.requestId
| filter level in ["WARN", "ERROR"] or status >= 400 or ispresent(validity) or type like /^platform/
| sort @timestamp desc
| limit 1000`,
    });
  }
}

/** A widget with the top contributors of a rule, which the CDK does not have. */
class ContributorsWidget extends cloudwatch.ConcreteWidget {
  readonly #title: string;
  readonly #ruleName: string;

  constructor(title: string, ruleName: string) {
    super(24, 6);
    this.#title = title;
    this.#ruleName = ruleName;
  }

  override toJson(): object[] {
    return [
      {
        type: "metric",
        width: this.width,
        height: this.height,
        x: this.x,
        y: this.y,
        properties: {
          title: this.#title,
          region: Aws.REGION,
          view: "timeSeries",
          stacked: true,
          period: 300,
          insightRule: { ruleName: this.#ruleName, maxContributorCount: 10, orderBy: "Sum" },
          legend: { position: "right" },
        },
      },
    ];
  }
}
