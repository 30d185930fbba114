import { Fn, Lazy } from "aws-cdk-lib";
import * as ssm from "aws-cdk-lib/aws-ssm";
import type { Construct } from "constructs";
import type { WatchedNames } from "./monitored-resources.ts";

/**
 * The same names, each read once from its stack, into a parameter of this one. Otherwise CloudFormation reads an output again
 * for each of about 40 places that name it, one in a second, and may fail (aws/aws-cdk#38010).
 */
export function readOnce(
  scope: Construct,
  { functions, apiId, tableName, deadLettersName }: WatchedNames,
): WatchedNames {
  const names: string[] = [];
  const parameter = new ssm.CfnParameter(scope, "Watched", {
    description: "What the alarms and the CloudWatch dashboard of this stack watch",
    type: "String",
    value: Lazy.string({ produce: () => Fn.join(" ", names) }),
  });
  const read = (name: string) => Fn.select(names.push(name) - 1, Fn.split(" ", parameter.attrValue));

  const watched = Object.entries(functions).map(([id, { functionName, logGroupName }]) => [
    id,
    { functionName: read(functionName), logGroupName: read(logGroupName) },
  ]);
  return {
    functions: Object.fromEntries(watched) as WatchedNames["functions"],
    apiId: read(apiId),
    tableName: read(tableName),
    deadLettersName: read(deadLettersName),
  };
}
