// Functions import only its types: its values would be in each bundle.
import { callFailures } from "./rules/call-failures.ts";
import { failureCodes, isOfReplacement } from "./rules/failure-catalogue.ts";
import { reasonsOf } from "./rules/keys/key-action.ts";

/** Name of a function, and value of the dimension `service`. */
export type Service = "token" | "oauth" | "calls" | "status" | "token-rotation" | "key-rotation" | "prober";

/** Values of the dimensions with which services emit a metric. The fourth dimension is `stage`. */
export interface MetricOrigins {
  services: readonly Service[];
  codes: readonly string[];
  sources: readonly string[];
}

const none = ["none"];
const serving: Service[] = ["token", "oauth"];
const replacing: Service[] = [...serving, "calls", "token-rotation"];
/** Where a served token comes from. */
const tokenSources = ["memory", "table", "upstream"];
const grants = ["api_key", "refresh_token"];

const servedTokens: MetricOrigins[] = [{ services: serving, codes: ["ok"], sources: tokenSources }];
const requests: MetricOrigins[] = [
  ...servedTokens,
  { services: ["token"], codes: failureCodes, sources: none },
  {
    services: ["oauth"],
    // The metadata, the failures, and the errors that only OAuth has.
    codes: [
      "ok",
      ...failureCodes,
      "invalid_client",
      "invalid_grant",
      "invalid_scope",
      "unsupported_grant_type",
      "revoked",
    ],
    sources: none,
  },
  // The API's answers, and the failures of the broker.
  { services: ["calls"], codes: ["ok", "api_4xx", "api_5xx"], sources: ["api"] },
  { services: ["calls"], codes: [...failureCodes, ...Object.keys(callFailures), "revoked"], sources: none },
  { services: ["status"], codes: ["ok"], sources: ["table"] },
  {
    services: ["status"],
    codes: ["invalid_request", "unknown_connection", "unavailable", "internal"],
    sources: none,
  },
];
const upstreamCalls: MetricOrigins[] = [
  { services: replacing, codes: ["any"], sources: grants },
  { services: ["key-rotation"], codes: ["any"], sources: ["api_key"] },
];
const sweeps: MetricOrigins[] = [{ services: ["token-rotation"], codes: ["ok"], sources: ["schedule"] }];

/**
 * Every metric of the functions: who emits it with which dimensions. It is a count, if nothing else is said. The log lines
 * have no units: they would cost as much as a field.
 */
export const metricOrigins = {
  Requests: requests,
  /** Milliseconds. */
  Duration: requests,
  /** Remaining time of a served token, in seconds. */
  Remaining: servedTokens,
  /** Served tokens that missed the required validity. */
  ValidityMissed: servedTokens,
  UpstreamCalls: upstreamCalls,
  /** Milliseconds. */
  UpstreamDuration: upstreamCalls,
  Replacements: [{ services: replacing, codes: ["ok"], sources: grants }],
  ReplacementFailures: [
    {
      services: replacing,
      codes: failureCodes.filter(isOfReplacement),
      sources: none,
    },
  ],
  RegistrationsGone: [{ services: replacing, codes: ["registration_gone"], sources: none }],
  CommitsNotWritten: [{ services: replacing, codes: ["commit_not_written"], sources: none }],
  StoreUnavailable: [
    { services: replacing, codes: ["table_unavailable", "secrets_unavailable"], sources: none },
    { services: ["status"], codes: ["table_unavailable"], sources: none },
    { services: ["key-rotation"], codes: ["secrets_unavailable"], sources: none },
  ],
  SweepsCompleted: sweeps,
  Due: sweeps,
  Replaced: sweeps,
  Failed: sweeps,
  Deferred: sweeps,
  /** Seconds. */
  OldestLateness: sweeps,
  /** Days. */
  RefreshTokenDaysLeft: sweeps,
  RefreshTokensEnding: sweeps,
  /** Days. */
  KeyAgeDays: sweeps,
  KeysRotated: [{ services: ["key-rotation"], codes: ["ok"], sources: none }],
  KeysRetirable: [{ services: ["token-rotation"], codes: ["ok"], sources: none }],
  /** The code is the reason of the event `api_key_action_needed`. */
  KeyActionsNeeded: (["key-rotation", "token-rotation"] as const).map((by) => ({
    services: [by],
    codes: reasonsOf({ by }),
    sources: none,
  })),
  StepsFailed: [{ services: ["key-rotation"], codes: ["failed"], sources: none }],
  Bugs: [{ services: [...replacing, "status", "key-rotation"], codes: ["internal"], sources: none }],
  Probes: [{ services: ["prober"], codes: ["ok", "open", "no_answer", "refused", "not_valid"], sources: ["prober"] }],
} as const satisfies Record<string, readonly MetricOrigins[]>;

export type MetricName = keyof typeof metricOrigins;

/** The dimensions of a metric, each combination once; of these services, codes and sources, if they are given. */
export function originsOf(
  name: MetricName,
  { services, codes, sources }: Partial<MetricOrigins> = {},
): { service: Service; code: string; source: string }[] {
  const origins: readonly MetricOrigins[] = metricOrigins[name];
  return origins
    .flatMap((origin) =>
      origin.services.flatMap((service) =>
        origin.codes.flatMap((code) => origin.sources.map((source) => ({ service, code, source }))),
      ),
    )
    .filter(
      ({ service, code, source }) =>
        (services?.includes(service) ?? true) && (codes?.includes(code) ?? true) && (sources?.includes(source) ?? true),
    );
}
