import { RemovalPolicy, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import * as sns from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import { Construct } from "constructs";
import type { DeploymentSettings } from "../settings.ts";
import { acknowledge } from "./acknowledge.ts";

/** Where every alarm goes: one topic, encrypted by a key of its own that lets CloudWatch in, and only with TLS. */
export class AlarmTopic extends Construct {
  readonly topic: sns.Topic;

  constructor(scope: Construct, id: string, { stage, alarmEmail }: DeploymentSettings) {
    super(scope, id);
    const { account } = Stack.of(this);
    const cloudWatch = new iam.ServicePrincipal("cloudwatch.amazonaws.com", {
      conditions: { StringEquals: { "aws:SourceAccount": account } },
    });

    // Under a key that does not admit CloudWatch, SNS drops every alarm without a word.
    const key = new kms.Key(this, "Key", {
      description: `Smart Token Broker ${stage}: alarms on their way`,
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
    // A policy of our own takes the place of the one by which this account's alarms may publish.
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
        "An alarm whose mail was lost is still red on the dashboard; a queue that nobody reads would not be better.",
    });
  }
}
