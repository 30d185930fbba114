import { CloudFormationClient, paginateListStackResources } from "@aws-sdk/client-cloudformation";
import { type Deployment, patience } from "./deployment.ts";

/** A resource of a stack: its CloudFormation type, its logical id, and its name, URL or ARN. */
export interface StackResource {
  type: string;
  logicalId: string;
  id: string;
}

/** All resources of a stack. DescribeStackResources would return the first 100 only. Throws AWS's error. */
export async function stackResources(
  { stage, region, credentials }: Deployment,
  part: "api" | "rotation" | "monitoring",
): Promise<StackResource[]> {
  const client = new CloudFormationClient({ ...patience, region, credentials });
  const found: StackResource[] = [];
  const input = { StackName: `smart-token-broker-${stage}-${part}` };
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
  return found;
}
