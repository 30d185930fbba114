import { RemovalPolicy, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import * as sns from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import { Construct } from "constructs";
import type { DeploymentSettings } from "../settings/types.ts";
import { acknowledge } from "./acknowledge.ts";

/** The SNS topic of all alarms. It requires TLS, and its KMS key allows CloudWatch. */
export class AlarmTopic extends Construct {
  readonly topic: sns.Topic;

  constructor(scope: Construct, id: string, { stage, alarmEmail }: DeploymentSettings) {
    super(scope, id);
    const { account } = Stack.of(this);
    const cloudWatch = new iam.ServicePrincipal("cloudwatch.amazonaws.com", {
      conditions: { StringEquals: { "aws:SourceAccount": account } },
    });

    // SNS drops alarms silently if the key does not allow CloudWatch.
    const key = new kms.Key(this, "Key", {
      description: `Smart Token Broker ${stage}: encrypts alarms in SNS`,
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    key.addToResourcePolicy(
      new iam.PolicyStatement({
        principals: [cloudWatch],
        actions: ["kms:Decrypt", "kms:GenerateDataKey*"],
        resources: ["*"],
      }),
    );

    this.topic = new sns.Topic(this, "Topic", {
      displayName: `Smart Token Broker ${stage}`,
      masterKey: key,
      enforceSSL: true,
    });
    // This policy replaces SNS's default policy, which allows the alarms of this account to publish.
    this.topic.addToResourcePolicy(
      new iam.PolicyStatement({
        principals: [cloudWatch],
        actions: ["sns:Publish"],
        resources: [this.topic.topicArn],
      }),
    );
    if (alarmEmail === undefined) return;
    acknowledge(this.topic.addSubscription(new EmailSubscription(alarmEmail)), {
      "Serverless::Serverless-SNSRedrivePolicy":
        "An alarm whose e-mail is lost is still on the dashboard. No one would read a queue.",
    });
  }
}
