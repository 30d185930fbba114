import type { Caller } from "@smart-token-broker/auth-core/rules/callers.ts";
import type { UrlOptions } from "@smart-token-broker/auth-core/rules/https-url.ts";
import type { Service } from "@smart-token-broker/auth-core/metrics.ts";
import type { DomainSettings } from "./domain-settings.ts";

/** The settings of a deployment: `-c key=value` on the command line, then the file of the stage, then the defaults. */
export interface DeploymentSettings {
  /** Part of every name, so that one account can have several deployments. */
  stage: string;
  /** Connections whose empty secret this deployment creates. `broker` adds and removes others without a deployment. */
  connections: string[];
  /** Requests per second and burst, for each kind of route. */
  throttle: { token: Throttle; oauth: Throttle; status: Throttle };
  /** Callers without AWS credentials, and principals of other accounts. */
  callers: Caller[];
  logRetentionDays: number;
  /** Number of schedules that share the connections. */
  shards: number;
  /**
   * Executions at once that are reserved for a function, and its limit. Absent: all functions share those of the account.
   * Of a function that is not deployed, the value has no effect.
   */
  reservedConcurrency?: Partial<Record<Service, number>> | undefined;
  /** Days between two rotations of an API key; 0 turns rotation off. */
  rotateApiKeysEveryDays: number;
  /** Receives alarms by e-mail. Absent: alarms reach only those who subscribe to the topic. */
  alarmEmail?: string | undefined;
  /** Absent: only callers request tokens. */
  prober?: ProberSettings | undefined;
  /** Absent: the API has only its default endpoint. */
  domain?: DomainSettings | undefined;
  /** How requests move to a new version of the functions `token` and `oauth`. */
  deployment: "all-at-once" | "canary";
  /** Whether X-Ray traces the functions. */
  tracing: boolean;
}

/** All settings except the list of callers, which has its own schema (rules/callers.ts). */
export type PlainSettings = Omit<DeploymentSettings, "callers">;

/** The connection whose token the prober requests from the public URL every five minutes. */
export interface ProberSettings {
  connection: string;
}

export interface Throttle {
  rate: number;
  burst: number;
}

/** How the settings are read. */
export interface ReadOptions extends UrlOptions {
  /** Where the value of a key is from, if it is a file: `settings/prod.json`. */
  fileOf?: (key: string) => string | undefined;
  /** The path of the construct whose props the values are. A text is then what it is: no JSON and no file's name. */
  propsOf?: string;
  /** The region of the deployment. Absent: unknown. */
  region?: string | undefined;
}
