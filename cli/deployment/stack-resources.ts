import { CloudFormationClient, paginateListStackResources } from "@aws-sdk/client-cloudformation";
import { resourceMark } from "@smart-token-broker/auth-core/rules/one-stack.ts";
import { type Deployment, type Part, patience, stackOf } from "./deployment.ts";

/** A resource of a stack: its CloudFormation type, its logical id, and its name, URL or ARN. */
export interface StackResource {
  type: string;
  logicalId: string;
  id: string;
}

/** All resources of a part. DescribeStackResources would return the first 100 only. Throws AWS's error. */
export async function stackResources(deployment: Deployment, part: Exclude<Part, "state">): Promise<StackResource[]> {
  const { region, credentials } = deployment;
  const client = new CloudFormationClient({ ...patience, region, credentials });
  const found: StackResource[] = [];
  const input = { StackName: stackOf(deployment, part) };
  for await (const { StackResourceSummaries = [] } of paginateListStackResources({ client }, input)) {
    found.push(
      ...StackResourceSummaries.map(
        ({ ResourceType: type = "", LogicalResourceId: logicalId = "", PhysicalResourceId: id = "" }) => ({
          type,
          logicalId,
          id,
        }),
      ),
    );
  }
  return deployment.stack === undefined ? found : ownResources(found, part);
}

/** The broker's own of another app's stack, with their logical ids as in a stack of the part: `BrokerStbApiToken…` → `Token…`. */
function ownResources(resources: StackResource[], part: string): StackResource[] {
  const mark = `${resourceMark}${part.charAt(0).toUpperCase()}${part.slice(1)}`;
  return resources.flatMap((resource) => {
    const at = resource.logicalId.indexOf(mark);
    return at === -1 ? [] : [{ ...resource, logicalId: resource.logicalId.slice(at + mark.length) }];
  });
}

/** Names of the log groups of the functions, without the access log of the API. Throws AWS's error. */
export async function logGroups(deployment: Deployment): Promise<string[]> {
  const parts = ["api", "rotation"] as const;
  const resources = (await Promise.all(parts.map((part) => stackResources(deployment, part)))).flat();
  const groups = resources.filter(
    ({ type, logicalId }) => type === "AWS::Logs::LogGroup" && !logicalId.startsWith("AccessLogs"),
  );
  return [...new Set(groups.map(({ id }) => id))];
}
