import { expect, test } from "vitest";
import { domain, everything, type Resource, synthesise } from "./synth.ts";

const regions = ["eu-south-1", "eu-west-1"];

/** The properties with a name that is global to an account or to AWS, by type. Every other type has names per region. */
const globalNames: Record<string, string[]> = {
  "AWS::CloudWatch::Dashboard": ["DashboardName"],
  "AWS::IAM::ManagedPolicy": ["ManagedPolicyName"],
  "AWS::IAM::Role": ["RoleName"],
  // The operator chooses the name: a stage in two regions needs a domain for each (docs/multi-region.md).
  "AWS::Route53::RecordSet": [],
  // The name of an inline policy belongs to its role.
  "AWS::IAM::Policy": [],
};

/** Types whose names, if they have any, belong to one region. */
const regional = [
  /^AWS::(ApiGatewayV2|CodeDeploy|DynamoDB|Events|KMS|Lambda|Logs|SNS|SQS|SSM|Scheduler|SecretsManager)::/,
  /^AWS::CloudWatch::(Alarm|InsightRule)$/,
];

const stages = ["dev", "prod"].map((stage) =>
  synthesise({ ...everything, stage, domain: { ...domain, name: `${stage}.example.com` } }),
);

test("Of every type in the stacks it is known whether its names are global", () => {
  const isKnown = ({ Type }: Resource) => Type in globalNames || regional.some((pattern) => pattern.test(Type));

  expect(stages.flatMap(({ resources }) => resources.filter((each) => !isKnown(each)))).toEqual([]);
});

const isName = (key: string) =>
  // These belong to another resource.
  /^(Name|.*(Name|Alias))$/.test(key) && !/^(MetricName|PolicyName|StageName|DeploymentConfigName)$/.test(key);

test("Two stages, in one region or in two, have no name of a stack, export or resource in common", () => {
  const names = stages.flatMap(({ assembly, resources, render }) => {
    const outputs = assembly.stacks.flatMap(({ template }) =>
      Object.values<{ Export?: { Name: string } }>(template.Outputs).flatMap(({ Export }) => Export?.Name ?? []),
    );
    const ofResources = resources
      // The name of an alias belongs to its function.
      .filter(({ Type }) => Type !== "AWS::Lambda::Alias")
      .flatMap(({ Type, Properties }) =>
        Object.entries(Properties ?? {})
          .filter(([key]) => isName(key))
          .map(([key, name]) => ({ text: render(name), isGlobal: globalNames[Type]?.includes(key), Type }))
          // A reference is not a name.
          .filter(({ text }) => !/^\$\{[\w.]+\}$/.test(text)),
      );
    return regions.flatMap((region) => [
      ...[...assembly.stacks.map(({ stackName }) => stackName), ...outputs].map((name) => `${region} ${name}`),
      ...ofResources.map(({ text, isGlobal, Type }) =>
        [...(isGlobal ? [] : [region]), Type, text.replaceAll("${AWS::Region}", region)].join(" "),
      ),
    ]);
  });

  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  expect(names).toContain("AWS::CloudWatch::Dashboard smart-token-broker-prod-eu-west-1");
  expect(names.length).toBeGreaterThan(80);
});
