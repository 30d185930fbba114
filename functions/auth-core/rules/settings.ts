/**
 * All environment variables: the stacks set exactly these, the functions read exactly these.
 * The SDK reads those that AWS sets (region, credentials, endpoints).
 */
export const environmentVariables = {
  stage: "BROKER_STAGE",
  tableName: "BROKER_TABLE_NAME",
  secretPrefix: "BROKER_SECRET_PREFIX",
  defaultBaseUrl: "BROKER_DEFAULT_BASE_URL",
  allowLoopbackHttp: "BROKER_ALLOW_LOOPBACK_HTTP",
  rotateKeysEveryDays: "BROKER_ROTATE_KEYS_EVERY_DAYS",
} as const;

/** The `user-agent` of a request without a credential by which `broker doctor` checks that it is rejected. */
export const doctorAgent = "smart-token-broker-doctor";

/** The vendor's token host, for registrations without `baseUrl`. */
export const smartServicesBaseUrl = "https://tse.smart-api.teamsystem.cloud";

/** The `source` of every event. Its `detail-type` is the event's name. */
export const eventSource = "smart-token-broker";

/** The namespace of every metric. */
export const metricNamespace = "SmartTokenBroker";

export interface Settings {
  stage: string;
  tableName: string;
  /** Without a trailing slash: a connection's secret is `{secretPrefix}/{connection}`. */
  secretPrefix: string;
  defaultBaseUrl: string;
  /** Only in the local run: a registration may use http on a loopback address. */
  allowLoopbackHttp: boolean;
  /** 0: keys are not rotated on a schedule. */
  rotateKeysEveryDays: number;
}

/** The name of a connection's secret. */
export function secretName({ secretPrefix }: { secretPrefix: string }, connection: string): string {
  return `${secretPrefix}/${connection}`;
}

/** Reads the settings of a function. Throws an error that names a missing or wrong variable. */
export function readSettings(env: Record<string, string | undefined>): Settings {
  const required = (name: string): string => {
    const value = env[name];
    if (!value)
      throw new Error(
        `The environment variable ${name} is not set. The stack sets it; deploy the function with the stack.`,
      );
    return value;
  };
  const { [environmentVariables.rotateKeysEveryDays]: days = "" } = env;
  if (!/^\d{0,4}$/.test(days)) {
    throw new Error(
      `The environment variable ${environmentVariables.rotateKeysEveryDays} is not a whole number of days. The stack sets it; deploy the function with the stack.`,
    );
  }
  return {
    stage: required(environmentVariables.stage),
    tableName: required(environmentVariables.tableName),
    secretPrefix: required(environmentVariables.secretPrefix),
    defaultBaseUrl: env[environmentVariables.defaultBaseUrl] || smartServicesBaseUrl,
    allowLoopbackHttp: env[environmentVariables.allowLoopbackHttp] === "true",
    rotateKeysEveryDays: Number(days),
  };
}

/** The X-Ray trace of the current invocation; `undefined` if it is not traced. Lambda sets a `Root` without a trace too. */
export function readTraceId(env: Record<string, string | undefined>): string | undefined {
  const header = env["_X_AMZN_TRACE_ID"] ?? "";
  return header.includes("Sampled=1") ? /\bRoot=([^;]+)/.exec(header)?.[1] : undefined;
}
