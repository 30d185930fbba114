import { eventSource } from "@smart-token-broker/auth-core/rules/settings.ts";
import { Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type { IConstruct } from "constructs";

/** Grants sending events to the account's default event bus, only with the broker's own source. */
export function grantPutEvents(grantee: iam.IGrantable & IConstruct): void {
  iam.Grant.addToPrincipal({
    grantee,
    actions: ["events:PutEvents"],
    resourceArns: [Stack.of(grantee).formatArn({ service: "events", resource: "event-bus", resourceName: "default" })],
    conditions: { StringEquals: { "events:source": eventSource } },
  });
}
