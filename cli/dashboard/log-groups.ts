import type { Deployment } from "../deployment/deployment.ts";
import { stackResources } from "../deployment/stack-resources.ts";

/** Functions whose log has replacements and events, by the start of their logical ids. */
const functions = { api: ["Token", "OAuth", "Calls"], rotation: ["TokenRotation", "KeyRotation"] } as const;

/** Names of the log groups of the functions that serve and replace tokens and rotate keys. Throws AWS's error. */
export async function logGroups(deployment: Deployment): Promise<string[]> {
  const parts = await Promise.all(
    (["api", "rotation"] as const).map(async (part) => {
      const resources = await stackResources(deployment, part);
      return resources.filter(
        ({ type, logicalId }) =>
          type === "AWS::Logs::LogGroup" && functions[part].some((name) => logicalId.startsWith(`${name}Logs`)),
      );
    }),
  );
  return parts.flat().map(({ id }) => id);
}
