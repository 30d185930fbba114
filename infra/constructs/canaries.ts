import { Duration } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import * as codedeploy from "aws-cdk-lib/aws-codedeploy";
import * as iam from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import type { BrokerFunction } from "./broker-function.ts";
import { BrokerMetrics, needingTokens, total } from "./broker-metrics.ts";
import { failedRequests, missedValidity } from "./caller-alarms.ts";

/**
 * Lets requests move to a new version of these functions in two steps: one in ten for five minutes, then all. If an alarm
 * starts meanwhile, all go back to the previous version, and CloudFormation rolls the stack back.
 *
 * The alarms notify no one. Those of stack Monitoring do, at all times; this stack cannot use them, because that one depends
 * on it.
 */
export function addCanaries(
  scope: Construct,
  stage: string,
  { token, oauth, calls }: { token: BrokerFunction; oauth?: BrokerFunction; calls?: BrokerFunction },
): void {
  const functions = { Token: token, ...(oauth && { OAuth: oauth }), ...(calls && { Calls: calls }) };
  const alarms = rollbackAlarms(scope, stage, Object.values(functions), new BrokerMetrics(stage, { oauth, calls }));
  const role = deploymentRole(scope, Object.values(functions));
  const application = new codedeploy.LambdaApplication(scope, "Deployments");
  for (const [id, { live }] of Object.entries(functions)) {
    new codedeploy.LambdaDeploymentGroup(scope, `${id}Deployment`, {
      application,
      role,
      alias: live,
      alarms,
      deploymentConfig: codedeploy.LambdaDeploymentConfig.CANARY_10PERCENT_5MINUTES,
    });
  }
}

/**
 * The role of CodeDeploy may move the aliases of these functions, and of no others. Its policy is inline, so that it exists
 * before the first deployment. Of AWSCodeDeployRoleForLambdaLimited it lacks what reads an AppSpec from S3 and what invokes
 * hooks: CloudFormation sends the AppSpec in its request (not verified on AWS), and there are no hooks.
 */
function deploymentRole(scope: Construct, functions: BrokerFunction[]): iam.IRole {
  // The alias itself depends on the deployment group, and so on this role. IAM checks GetAlias and UpdateAlias against the
  // function, GetProvisionedConcurrencyConfig against the alias. Source: Service Authorization Reference, 'AWS Lambda'.
  const aliases = functions.flatMap(({ function: { functionArn } }) => [functionArn, `${functionArn}:live`]);
  const role = new iam.Role(scope, "DeploymentRole", {
    assumedBy: new iam.ServicePrincipal("codedeploy.amazonaws.com"),
    inlinePolicies: {
      MoveAliases: new iam.PolicyDocument({
        statements: [
          new iam.PolicyStatement({
            actions: ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"],
            resources: aliases,
          }),
          new iam.PolicyStatement({ actions: ["cloudwatch:DescribeAlarms"], resources: ["*"] }),
        ],
      }),
    },
  });
  acknowledge(role, {
    "AwsSolutions::AwsSolutions-IAM5[Resource::*]":
      "It only reads alarms. AWS does not say that CodeDeploy can work with fewer.",
  });
  // Without this, the CDK attaches AWSCodeDeployRoleForLambdaLimited.
  return role.withoutPolicyUpdates();
}

/** The end of each name is the paging alarm of the same metrics. */
function rollbackAlarms(
  scope: Construct,
  stage: string,
  functions: BrokerFunction[],
  metrics: BrokerMetrics,
): cloudwatch.Alarm[] {
  const period = Duration.minutes(1);
  const failures = [...metrics.all("Bugs", { services: needingTokens }), ...functions.map(errorsOfNewVersion)];
  // Values can arrive late, so five minutes are evaluated. Smart Services fails now and then: that needs two of them.
  return [
    { name: "validity-objective", metric: missedValidity(metrics), breaching: 1 },
    { name: "errors", metric: failedRequests(metrics, period), breaching: 2 },
    { name: "internal-errors", metric: total(failures, "failures"), breaching: 1 },
  ].map(
    ({ name, metric, breaching }) =>
      new cloudwatch.Alarm(scope, `rollback-${name}`, {
        alarmName: `smart-token-broker-${stage}-rollback-${name}`,
        alarmDescription:
          "Rolls a deployment of the API's functions back. Notifies no one. Runbook: A deployment is rolled back.",
        metric,
        threshold: 1,
        comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        evaluationPeriods: 5,
        datapointsToAlarm: breaching,
        treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      }),
  );
}

/** Exceptions and timeouts of the version that is deployed. Only this metric distinguishes the two versions of an alias. */
function errorsOfNewVersion({ live }: BrokerFunction): cloudwatch.Metric {
  const { functionName } = live.lambda;
  return new cloudwatch.Metric({
    namespace: "AWS/Lambda",
    metricName: "Errors",
    dimensionsMap: {
      FunctionName: functionName,
      Resource: `${functionName}:${live.aliasName}`,
      ExecutedVersion: live.version.version,
    },
    statistic: cloudwatch.Stats.SUM,
    period: Duration.minutes(1),
  });
}
