import { expect, test } from "vitest";
import { keyCaller, type Resource, synthesise } from "./synth.ts";

const regions = ["eu-south-1", "eu-west-1"];

/** The properties with a name that is global to an account or to AWS, by type. Every other type has names per region. */
const globalNames: Record<string, string[]> = {
  "AWS::CloudWatch::Dashboard": ["DashboardName"],
  "AWS::IAM::ManagedPolicy": ["ManagedPolicyName"],
  "AWS::IAM::Role": ["RoleName"],
  // The name of an inline policy belongs to its role.
  "AWS::IAM::Policy": [],
};

/** Types whose names, if they have any, belong to one region. */
const regional = [
  /^AWS::(ApiGatewayV2|DynamoDB|Events|KMS|Lambda|Logs|SNS|SQS|Scheduler|SecretsManager)::/,
  /^AWS::CloudWatch::(Alarm|InsightRule)$/,
];

const callers = [keyCaller, { name: "orders", connections: ["webapicorso"], principal: "210987654321" }];
const all = { callers, prober: { connection: "webapicorso" }, alarmEmail: "ops@example.com" };
const stages = ["dev", "prod"].map((stage) => synthesise({ ...all, stage }));

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
        // A reference is not a name, and these belong to another resource.
        .filter(
          ([key]) => named.test(key) && !/^(MetricName|FunctionName|LogGroupName|PolicyName|StageName)$/.test(key),
        )
        .map(([, name]) => `${Type} ${render(name)}`),
    ),
  ]);

  expect(own[0]?.filter((name) => own[1]?.includes(name))).toEqual([]);
  expect(own[0]?.length).toBeGreaterThan(20);
});
