import type { Caller } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import type { UrlOptions } from "@smart-token-broker/auth-core/rules/https-url.ts";
import type { PlainSettings } from "./schemas.ts";

/** The settings of a deployment: `-c key=value` on the command line, then the file of the stage, then the defaults. */
export type DeploymentSettings = PlainSettings & {
  /** Callers without AWS credentials, and principals of other accounts. */
  callers: Caller[];
};

export type Throttle = DeploymentSettings["throttle"]["token"];

/** How the settings are read. */
export interface ReadOptions extends UrlOptions {
  /** Where the value of a key is from, if it is a file: `settings/prod.json`. */
  fileOf?: (key: string) => string | undefined;
  /** The path of the construct whose props the values are. A text is then what it is: no JSON and no file's name. */
  propsOf?: string;
  /** The region of the deployment. Absent: unknown. */
  region?: string | undefined;
}
