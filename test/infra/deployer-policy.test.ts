import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { everything, synthesise } from "./synth.ts";

interface Policy {
  Statement: { Action: string[]; Resource: string | string[]; Condition?: object }[];
}

const file = readFileSync(join(import.meta.dirname, "../../docs/deployer-policy.json"), "utf8");
const { Statement: statements } = JSON.parse(file) as Policy;
const allowed = statements.flatMap(({ Action }) => Action);

const of = (service: string, ...names: string[]) => names.map((name) => `${service}:${name}`);
const tags = ["TagResource", "UntagResource"];
const api = of("apigateway", "GET", "POST", "PUT", "PATCH", "DELETE", ...tags);

/** What CloudFormation calls to create, read, update and delete a resource of each type, as its registry lists it. */
const actionsOf: Record<string, string[]> = {
  "AWS::ApiGatewayV2::Api": api,
  "AWS::ApiGatewayV2::ApiMapping": api,
  // The first domain of an account creates API Gateway's own role, in the name of the deployer
  // (amplify-education/serverless-domain-manager#112).
  "AWS::ApiGatewayV2::DomainName": api.concat(
    of("apigateway", "AddCertificateToDomain", "RemoveCertificateFromDomain"),
    "iam:CreateServiceLinkedRole",
  ),
  "AWS::ApiGatewayV2::Integration": api,
  "AWS::ApiGatewayV2::Route": api,
  "AWS::ApiGatewayV2::Stage": api.concat(
    of("logs", "CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries"),
    // API Gateway adds its permission to the resource policy of the log group, in the name of the deployer.
    // Source: Amazon API Gateway Developer Guide, 'Configure logging for HTTP APIs', 'Permissions to activate logging'.
    of("logs", "DescribeLogGroups", "DescribeResourcePolicies", "PutResourcePolicy"),
  ),
  "AWS::CloudWatch::Alarm": of("cloudwatch", "PutMetricAlarm", "DeleteAlarms", "DescribeAlarms", ...tags),
  "AWS::CloudWatch::Dashboard": of("cloudwatch", "PutDashboard", "GetDashboard", "DeleteDashboards", "ListDashboards"),
  "AWS::CloudWatch::InsightRule": of("cloudwatch", "PutInsightRule", "DeleteInsightRules", "DescribeInsightRules"),
  "AWS::CodeDeploy::Application": of("codedeploy", "CreateApplication", "GetApplication", "DeleteApplication").concat(
    of("codedeploy", "UpdateApplication", "ListTagsForResource", ...tags),
  ),
  "AWS::CodeDeploy::DeploymentGroup": of(
    "codedeploy",
    "CreateDeploymentGroup",
    "GetDeploymentGroup",
    "UpdateDeploymentGroup",
    "DeleteDeploymentGroup",
    "ListTagsForResource",
    ...tags,
  ).concat("iam:PassRole"),
  "AWS::DynamoDB::Table": of("dynamodb", "CreateTable", "UpdateTable", "DeleteTable", "DescribeTable", ...tags).concat(
    of("dynamodb", "DescribeContinuousBackups", "UpdateContinuousBackups"),
    // DynamoDB uses the key with a grant that the creator of the table gives, who needs all that the grant allows.
    // Source: Amazon DynamoDB Developer Guide, 'DynamoDB encryption at rest usage notes', 'Key policy for a customer managed key'.
    of("kms", "CreateGrant", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey"),
    of("kms", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"),
  ),
  "AWS::Events::Rule": of("events", "PutRule", "DescribeRule", "DeleteRule", ...tags),
  "AWS::IAM::ManagedPolicy": of("iam", "CreatePolicy", "GetPolicy", "DeletePolicy", "TagPolicy", "UntagPolicy").concat(
    of("iam", "CreatePolicyVersion", "DeletePolicyVersion", "ListPolicyVersions"),
    of("iam", "AttachRolePolicy", "DetachRolePolicy"),
  ),
  "AWS::IAM::Policy": of("iam", "PutRolePolicy", "GetRolePolicy", "DeleteRolePolicy"),
  "AWS::IAM::Role": of("iam", "CreateRole", "GetRole", "UpdateRole", "UpdateRoleDescription", "DeleteRole").concat(
    of("iam", "UpdateAssumeRolePolicy", "TagRole", "UntagRole", "ListRolePolicies", "ListAttachedRolePolicies"),
    of("iam", "AttachRolePolicy", "DetachRolePolicy"),
  ),
  "AWS::KMS::Alias": of("kms", "CreateAlias", "UpdateAlias", "DeleteAlias", "ListAliases"),
  "AWS::KMS::Key": of("kms", "CreateKey", "DescribeKey", "UpdateKeyDescription", "ScheduleKeyDeletion", ...tags).concat(
    of("kms", "PutKeyPolicy", "GetKeyPolicy", "EnableKeyRotation", "GetKeyRotationStatus", "ListResourceTags"),
  ),
  // With an update policy, CloudFormation starts and watches a deployment of CodeDeploy.
  "AWS::Lambda::Alias": of("lambda", "CreateAlias", "GetAlias", "UpdateAlias", "DeleteAlias").concat(
    of("lambda", "GetProvisionedConcurrencyConfig"),
    of("codedeploy", "CreateDeployment", "GetDeployment", "StopDeployment", "GetDeploymentConfig"),
    of("codedeploy", "RegisterApplicationRevision", "GetApplicationRevision"),
  ),
  "AWS::Lambda::EventInvokeConfig": ["Put", "Update", "Delete", "Get"].map(
    (verb) => `lambda:${verb}FunctionEventInvokeConfig`,
  ),
  "AWS::Lambda::Function": of("lambda", "CreateFunction", "GetFunction", "DeleteFunction", ...tags).concat(
    of("lambda", "UpdateFunctionCode", "UpdateFunctionConfiguration"),
    of("lambda", "PutFunctionConcurrency", "DeleteFunctionConcurrency"),
    ["iam:PassRole", "s3:GetObject"],
  ),
  "AWS::Lambda::Permission": of("lambda", "AddPermission", "RemovePermission", "GetPolicy"),
  "AWS::Lambda::Version": of("lambda", "PublishVersion", "ListVersionsByFunction", "DeleteFunction").concat(
    of("lambda", "GetFunctionConfiguration", "GetProvisionedConcurrencyConfig", "GetRuntimeManagementConfig"),
  ),
  "AWS::Logs::LogGroup": of("logs", "CreateLogGroup", "DeleteLogGroup", "DescribeLogGroups", ...tags).concat(
    of("logs", "PutRetentionPolicy", "DeleteRetentionPolicy"),
  ),
  "AWS::Logs::MetricFilter": of("logs", "PutMetricFilter", "DeleteMetricFilter", "DescribeMetricFilters"),
  "AWS::Logs::QueryDefinition": of("logs", "PutQueryDefinition", "DeleteQueryDefinition", "DescribeQueryDefinitions"),
  "AWS::Route53::RecordSet": of("route53", "ChangeResourceRecordSets", "ListResourceRecordSets", "GetChange").concat(
    "route53:GetHostedZone",
  ),
  "AWS::SNS::Subscription": of("sns", "Subscribe", "Unsubscribe", "GetSubscriptionAttributes"),
  "AWS::SNS::Topic": of("sns", "CreateTopic", "DeleteTopic", "GetTopicAttributes", "SetTopicAttributes", ...tags),
  "AWS::SNS::TopicPolicy": of("sns", "SetTopicAttributes"),
  "AWS::SQS::Queue": of("sqs", "CreateQueue", "DeleteQueue", "GetQueueAttributes", "SetQueueAttributes").concat(
    of("sqs", "TagQueue", "UntagQueue"),
  ),
  "AWS::SQS::QueuePolicy": of("sqs", "SetQueueAttributes"),
  "AWS::SSM::Parameter": of("ssm", "PutParameter", "GetParameters", "DeleteParameter").concat(
    of("ssm", "AddTagsToResource", "RemoveTagsFromResource", "ListTagsForResource"),
  ),
  "AWS::Scheduler::Schedule": of(
    "scheduler",
    "CreateSchedule",
    "GetSchedule",
    "UpdateSchedule",
    "DeleteSchedule",
  ).concat("iam:PassRole"),
  "AWS::SecretsManager::RotationSchedule": of(
    "secretsmanager",
    "RotateSecret",
    "CancelRotateSecret",
    "DescribeSecret",
  ).concat(
    // Secrets Manager requires it of the one who turns rotation on.
    "lambda:InvokeFunction",
  ),
  "AWS::SecretsManager::Secret": of("secretsmanager", "CreateSecret", "DescribeSecret", "UpdateSecret").concat(
    of("secretsmanager", "DeleteSecret", ...tags),
    "kms:GenerateDataKey",
  ),
};

/**
 * The version of the bootstrap stack, which every template reads, and `Fn::GetStackOutput`. Source: AWS CloudFormation
 * Template Reference Guide, 'Fn::GetStackOutput': `RoleArn`, by default the role that deploys the stack.
 */
const always = ["ssm:GetParameters", "cloudformation:DescribeStacks"];

const matches = (pattern: string, action: string) =>
  pattern.endsWith("*") ? action.startsWith(pattern.slice(0, -1)) : pattern === action;

describe("docs/deployer-policy.json", () => {
  const { resources } = synthesise(everything);
  const types = new Set(resources.map(({ Type }) => Type));
  types.delete("AWS::CDK::Metadata");

  it("is for the types of resources that the stacks have with every setting", () => {
    expect(Object.keys(actionsOf).toSorted()).toEqual([...types].toSorted());
  });

  it.each(Object.entries(actionsOf))("allows what CloudFormation calls for %s", (_, actions) => {
    expect(actions.filter((action) => !allowed.some((pattern) => matches(pattern, action)))).toEqual([]);
  });

  it("allows what CloudFormation calls for every template", () => {
    expect(always.filter((action) => !allowed.some((pattern) => matches(pattern, action)))).toEqual([]);
  });

  it("allows no other action, except to read", () => {
    const needed = [...Object.values(actionsOf).flat(), ...always];
    const isRead = (pattern: string) => /:(Get|List|Describe)[A-Za-z]*\*?$/.test(pattern);

    expect(allowed.filter((pattern) => !isRead(pattern) && !needed.some((action) => matches(pattern, action)))).toEqual(
      [],
    );
  });

  it("lets CloudFormation create no role of a service but API Gateway's", () => {
    const { Resource, Condition } =
      statements.find(({ Action }) => Action.includes("iam:CreateServiceLinkedRole")) ?? {};

    expect(Resource).toMatch(/:role\/aws-service-role\/ops\.apigateway\.amazonaws\.com\/AWSServiceRoleForAPIGateway$/);
    expect(Condition).toEqual({ StringEquals: { "iam:AWSServiceName": "ops.apigateway.amazonaws.com" } });
  });

  it("fits into one managed policy", () => {
    expect(JSON.stringify(JSON.parse(file)).length).toBeLessThan(6144);
  });
});
