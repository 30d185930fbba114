import { CfnOutput } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import type { PrincipalCaller } from "@smart-token-broker/auth-core/rules/callers/principal-caller.ts";
import { withoutHyphens } from "../logical-id.ts";

/** ARNs that fit into one policy of 6,144 characters when all ids are as long as possible. */
const arnsPerPolicy = 30;

/**
 * Adds the role that a caller assumes, in this account or another, because HTTP APIs have no resource policy. The role has
 * no name of ours: names of roles are global to an account, and a stage may be in several regions.
 *
 * @param tokenRoutes the exact ARNs of a connection's token routes; a route with a parameter would allow every connection
 */
export function addCallerRole(
  scope: Construct,
  { name, principal, connections }: PrincipalCaller,
  tokenRoutes: (connection: string) => string[],
): void {
  const role = new iam.Role(scope, `Caller-${name}`, {
    description: `Smart Token Broker: gets tokens of ${connections.join(", ")}`.slice(0, 1000),
    assumedBy: /^\d{12}$/.test(principal) ? new iam.AccountPrincipal(principal) : new iam.ArnPrincipal(principal),
  });
  // IAM attaches at most ten policies to a role. The list of callers limits the connections of one caller accordingly.
  const resources = connections.flatMap(tokenRoutes);
  for (let start = 0; start < resources.length; start += arnsPerPolicy) {
    const statement = new iam.PolicyStatement({
      actions: ["execute-api:Invoke"],
      resources: resources.slice(start, start + arnsPerPolicy),
    });
    const id = `CallerPolicy-${name}-${start / arnsPerPolicy}`;
    new iam.ManagedPolicy(scope, id, { statements: [statement], roles: [role] });
  }
  new CfnOutput(scope, `CallerRole${withoutHyphens(name)}`, {
    value: role.roleArn,
    description: `Role that caller ${name} assumes`,
  });
}
