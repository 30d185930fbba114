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

test("Two stages in two regions of one account have no global name in common", () => {
  const names = stages.flatMap(({ resources, render }) =>
    regions.flatMap((region) =>
      resources.flatMap(({ Type, Properties }) =>
        (globalNames[Type] ?? [])
          .filter((property) => Properties[property] !== undefined)
          .map((property) => `${Type} ${render(Properties[property]).replaceAll("${AWS::Region}", region)}`),
      ),
    ),
  );

  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  expect(names).toContain("AWS::CloudWatch::Dashboard smart-token-broker-prod-eu-west-1");
});

test("Of every type in the stacks it is known whether its names are global", () => {
  const isKnown = ({ Type }: Resource) => Type in globalNames || regional.some((pattern) => pattern.test(Type));

  expect(stages.flatMap(({ resources }) => resources.filter((each) => !isKnown(each)))).toEqual([]);
});

test("Two stages in one region have no name of a stack, export or resource in common", () => {
  const named = /^(Name|.*(Name|Alias))$/;
  const own = stages.map(({ assembly, resources, render }) => [
    ...assembly.stacks.map(({ stackName }) => stackName),
    ...assembly.stacks.flatMap(({ template }) =>
      Object.values<{ Export?: { Name: string } }>(template.Outputs).flatMap(({ Export }) => Export?.Name ?? []),
    ),
    ...resources.flatMap(({ Type, Properties }) =>
      Object.entries(Properties ?? {})
        // These belong to another resource.
        .filter(([key]) => named.test(key) && !/^(MetricName|PolicyName|StageName|DeploymentConfigName)$/.test(key))
        .map(([, name]) => render(name))
        // A reference is not a name, and the name of an alias belongs to its function.
        .filter((name) => !/^\$\{[\w.]+\}$/.test(name) && Type !== "AWS::Lambda::Alias")
        .map((name) => `${Type} ${name}`),
    ),
  ]);

  expect(own[0]?.filter((name) => own[1]?.includes(name))).toEqual([]);
  expect(own[0]?.length).toBeGreaterThan(20);
});
