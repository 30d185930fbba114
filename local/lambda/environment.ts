import { devNull } from "node:os";
import { environmentVariables } from "@smart-token-broker/auth-core/rules/settings.ts";
import type { DeployedFunction } from "../assembly/deployment.ts";

/** The environment variables of a function: of the template, of Lambda, and the endpoints of the embedded parts. */
export function functionEnvironment(
  { name, memoryMegabytes, environment }: DeployedFunction,
  region: string,
  endpoints: Record<string, string>,
  simulatorUrl: string,
): Record<string, string> {
  return {
    ...environment,
    [environmentVariables.defaultBaseUrl]: simulatorUrl,
    [environmentVariables.allowLoopbackHttp]: "true",
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: "LOCALFUNCTION",
    AWS_SECRET_ACCESS_KEY: "local-function-secret",
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMegabytes),
    ...endpoints,
    // The developer's own AWS profiles must have no effect.
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    TZ: "UTC",
  };
}
