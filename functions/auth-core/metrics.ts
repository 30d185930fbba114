import { failureCodes } from "./rules/failure.ts";

/** Name of a function, and value of the dimension `service`. */
export type Service = "token" | "oauth" | "status" | "token-rotation" | "key-rotation" | "prober";

/** Values of the dimensions with which services emit a metric. The fourth dimension is `stage`. */
export interface MetricOrigins {
  services: readonly Service[];
  codes: readonly string[];
  sources: readonly string[];
}

interface MetricDefinition {
  unit: "Count" | "Seconds" | "Milliseconds" | "None";
  origins: readonly MetricOrigins[];
}

export const metricNamespace = "SmartTokenBroker";

const none = ["none"];
const serving: Service[] = ["token", "oauth"];
const replacing: Service[] = [...serving, "token-rotation"];
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
    codes: ["ok", ...failureCodes, "invalid_client", "invalid_grant", "invalid_scope", "unsupported_grant_type"],
    sources: none,
  },
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
const probes: MetricOrigins[] = [
  { services: ["prober"], codes: ["ok", "open", "no_answer", "refused", "not_valid"], sources: ["prober"] },
];

/** Every metric of the functions: its unit, and who emits it with which dimensions. */
export const metricDefinitions = {
  Requests: { unit: "Count", origins: requests },
  Duration: { unit: "Milliseconds", origins: requests },
  /** Remaining time of a served token. */
  Remaining: { unit: "Seconds", origins: servedTokens },
  /** 1 for a served token that missed the required validity, else 0. */
  ValidityMissed: { unit: "Count", origins: servedTokens },
  UpstreamCalls: { unit: "Count", origins: upstreamCalls },
  UpstreamDuration: { unit: "Milliseconds", origins: upstreamCalls },
  Replacements: { unit: "Count", origins: [{ services: replacing, codes: ["ok"], sources: grants }] },
  ReplacementFailures: {
    unit: "Count",
    origins: [
      {
        services: replacing,
        codes: [
          "connection_not_ready",
          "credentials_rejected",
          "upstream_malformed",
          "upstream_unavailable",
          "unavailable",
        ],
        sources: none,
      },
    ],
  },
  RegistrationsGone: {
    unit: "Count",
    origins: [{ services: replacing, codes: ["registration_gone"], sources: none }],
  },
  CommitsNotWritten: {
    unit: "Count",
    origins: [{ services: replacing, codes: ["commit_not_written"], sources: none }],
  },
  StoreUnavailable: {
    unit: "Count",
    origins: [
      { services: replacing, codes: ["table_unavailable", "secrets_unavailable"], sources: none },
      { services: ["status"], codes: ["table_unavailable"], sources: none },
      { services: ["key-rotation"], codes: ["secrets_unavailable"], sources: none },
    ],
  },
  SweepsCompleted: { unit: "Count", origins: sweeps },
  Due: { unit: "Count", origins: sweeps },
  Replaced: { unit: "Count", origins: sweeps },
  Failed: { unit: "Count", origins: sweeps },
  KeysOnly: { unit: "Count", origins: sweeps },
  LeasedByOthers: { unit: "Count", origins: sweeps },
  Deferred: { unit: "Count", origins: sweeps },
  OldestLateness: { unit: "Seconds", origins: sweeps },
  /** Days. */
  RefreshTokenDaysLeft: { unit: "None", origins: sweeps },
  RefreshTokensEnding: { unit: "Count", origins: sweeps },
  /** Days. */
  KeyAgeDays: { unit: "None", origins: sweeps },
  KeysRotated: { unit: "Count", origins: [{ services: ["key-rotation"], codes: ["ok"], sources: none }] },
  KeysRetirable: { unit: "Count", origins: [{ services: ["token-rotation"], codes: ["ok"], sources: none }] },
  /** The code is the reason of the event `api_key_action_needed`. */
  KeyActionsNeeded: {
    unit: "Count",
    origins: [
      {
        services: ["key-rotation"],
        codes: [
          "no_next_key",
          "next_key_malformed",
          "next_key_refused",
          "next_key_of_another_scope",
          "superseded",
          "issuer_failed",
          "upstream_unavailable",
        ],
        sources: none,
      },
      {
        services: ["token-rotation"],
        codes: ["secret_not_ready", "rotation_stuck", "rotation_off", "no_next_key_staged", "issuer_failed"],
        sources: none,
      },
    ],
  },
  StepsFailed: { unit: "Count", origins: [{ services: ["key-rotation"], codes: ["failed"], sources: none }] },
  Bugs: {
    unit: "Count",
    origins: [{ services: [...replacing, "status", "key-rotation"], codes: ["internal"], sources: none }],
  },
  Probes: { unit: "Count", origins: probes },
  ProbeDuration: { unit: "Milliseconds", origins: probes },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof metricDefinitions;

/** The dimensions of a metric, each combination once; of these services, codes and sources, if they are given. */
export function originsOf(
  name: MetricName,
  { services, codes, sources }: Partial<MetricOrigins> = {},
): { service: Service; code: string; source: string }[] {
  const origins: readonly MetricOrigins[] = metricDefinitions[name].origins;
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
