/**
 * The one table of environment variables: the stacks set exactly these, the functions read exactly these.
 * What AWS itself sets (region, credentials, endpoints) is the SDK's business.
 */
export const environmentVariables = {
  stage: "BROKER_STAGE",
  tableName: "BROKER_TABLE_NAME",
  secretPrefix: "BROKER_SECRET_PREFIX",
  defaultBaseUrl: "BROKER_DEFAULT_BASE_URL",
  allowLoopbackHttp: "BROKER_ALLOW_LOOPBACK_HTTP",
  rotateKeysEveryDays: "BROKER_ROTATE_KEYS_EVERY_DAYS",
} as const;

/** The vendor's token host, for registrations that name no other. */
export const smartServicesBaseUrl = "https://tse.smart-api.teamsystem.cloud";

/** The source of every event on the bus; its detail-type is the event's name. */
export const eventSource = "smart-token-broker";

export interface Settings {
  stage: string;
  tableName: string;
  /** Without a slash at its end: a connection's secret is `{secretPrefix}/{connection}`. */
  secretPrefix: string;
  defaultBaseUrl: string;
  /** Only the local run sets it: a registration may then point to plain http on this machine. */
  allowLoopbackHttp: boolean;
  /** 0: keys are not rotated on a schedule, by choice. */
  rotateKeysEveryDays: number;
}

/** Reads the settings of a function. Throws an error that names the variable where a required one is missing. */
export function readSettings(env: Record<string, string | undefined>): Settings {
  const required = (name: string): string => {
    const value = env[name];
    if (!value)
      throw new Error(`The environment variable ${name} is not set. The stack sets it; is this its function?`);
    return value;
  };
  return {
    stage: required(environmentVariables.stage),
    tableName: required(environmentVariables.tableName),
    secretPrefix: required(environmentVariables.secretPrefix),
    defaultBaseUrl: env[environmentVariables.defaultBaseUrl] || smartServicesBaseUrl,
    allowLoopbackHttp: env[environmentVariables.allowLoopbackHttp] === "true",
    rotateKeysEveryDays: Number(env[environmentVariables.rotateKeysEveryDays] || 0),
  };
}
