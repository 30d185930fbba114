import { Token } from "aws-cdk-lib";
import { readDeploymentSettings } from "../../../infra/settings/read.ts";
import { attempt, throwIfAny, unchanged, unknownSettings } from "../../../infra/settings/error.ts";
import { settingNames } from "../../../infra/settings/schemas.ts";
import type { DeploymentSettings } from "../../../infra/settings/types.ts";
import type { SmartTokenBrokerProps } from "./props.ts";

/**
 * Each connection is a secret and a rotation schedule. A stack has at most 500 resources, and the broker has about 100
 * others. The rest is for the resources of the app.
 */
const maxConnections = 100;

/**
 * The props as settings, checked by the same schemas. Throws a `SettingError` with one line for each mistake.
 *
 * @param path of the construct, for messages
 */
export function readProps(props: Partial<SmartTokenBrokerProps> | undefined, path: string): DeploymentSettings {
  // An app in JavaScript may leave out the stage or all props, and would share the names of another that does.
  const { stage = "", connections = [] } = props ?? {};
  const values: Record<string, unknown> = { ...props, stage, connections };
  throwIfAny(
    Object.entries(values).flatMap(([key, value]) =>
      tokensIn(value, key).map(
        (place) =>
          `The setting "${place}" must be known at synthesis; it is a token of the CDK. ${unchanged} Correct the prop ${key} of ${path}.`,
      ),
    ),
  );
  const mistakes = unknownSettings(Object.keys(values), settingNames, `the props of ${path}`);
  if (Array.isArray(values["connections"]) && values["connections"].length > maxConnections) {
    mistakes.push(
      `The setting "connections" must have at most ${maxConnections} ids, because a stack has a limit. ${unchanged} Add all others with "npx broker connections add ID", which needs no deployment.`,
    );
  }
  const options = { allowLoopbackHttp: false, propsOf: path };
  const settings = attempt(() => readDeploymentSettings((key) => values[key], options), mistakes);
  throwIfAny(mistakes);
  return settings as DeploymentSettings;
}

/**
 * The places of values that only the deployment knows, such as a `CfnParameter`. The list of callers is a file of an asset,
 * in which such a value would stay a placeholder.
 */
function tokensIn(value: unknown, place: string): string[] {
  if (Token.isUnresolved(value)) return [place];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => tokensIn(each, `${place}.${key}`));
}
