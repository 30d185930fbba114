import { Aws, Stack } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import type { MonitoredResources } from "./monitored-resources.ts";

/** Rules of Contributor Insights and saved queries. Both read the request lines of the log. */
export class CallerInsights extends Construct {
  /** The ten callers and the ten connections with the most requests. */
  readonly widgets: cloudwatch.IWidget[];

  constructor(scope: Construct, id: string, { settings, functions }: MonitoredResources) {
    super(scope, id);
    const named = (name: string) => `smart-token-broker-${settings.stage}-${name}`;
    const groupNames = (of: { logGroup: logs.ILogGroup }[]) => of.map(({ logGroup }) => logGroup.logGroupName);
    const serving = groupNames(functions.oauth ? [functions.token, functions.oauth] : [functions.token]);

    const contributors = (name: string, field: string): string => {
      const rule = new cloudwatch.CfnInsightRule(this, name, {
        ruleName: named(name),
        ruleState: "ENABLED",
        ruleBody: Stack.of(this).toJsonString({
          Schema: { Name: "CloudWatchLogRule", Version: 1 },
          LogGroupNames: serving,
          LogFormat: "JSON",
          Contribution: { Keys: [`$.${field}`], Filters: [{ Match: "$.message", In: ["request"] }] },
          AggregateOn: "Count",
        }),
      });
      return rule.ruleName;
    };
    this.widgets = [
      new ContributorsWidget("Requests by caller", contributors("callers", "callerRole")),
      new ContributorsWidget("Requests by connection", contributors("connections", "connection")),
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
      // Keep in step with the command `wrong` of docs/runbook.md.
      queryString: `fields @timestamp, service, message, connection, callerRole, route, status, code, reason, detail, validity, warning, requestId, error.message, error.stack
| filter level in ["WARN", "ERROR"] or status >= 400 or ispresent(validity)
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
    super(12, 6);
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
