import type { ConnectionStatus } from "@smart-token-broker/status/rules/connection-status.ts";

/** One contract of the page and its sources: the local run and `broker dashboard`. Numbers of time are epoch seconds. Nothing here is a secret. */
export interface DashboardData {
  now: number;
  source: {
    kind: "local" | "deployment";
    /** For example `stage prod · eu-south-1`. */
    name: string;
    /** Seconds until the page reads again. */
    refreshSeconds: number;
  };
  /** What could not be read, in a sentence each. What it would have shown is absent. */
  problems: string[];
  /** Worst first. */
  connections: ConnectionView[];
  /** Absent: not known. */
  traffic?: Traffic;
  /** Notices of the log, newest first, at most 100. Absent: not known. */
  events?: DashboardEvent[];
  /** Only of the local run. */
  controls?: Controls;
}

/** A connection: what `broker status ID` says, and what is known of its past. */
export interface ConnectionView {
  connection: string;
  state: ConnectionStatus["state"] | "no_token";
  /** Cause, consequence and next step. */
  sentence: string;
  /** When a key was stored that the next attempt uses. Only of a rejected connection whose next attempt is due. */
  keyStoredAt?: number;
  /** Absent without an item in the table. */
  status?: ConnectionStatus;
  /** What a request gets now, in a sentence. */
  callerGets: string;
  /** Commands that help now, the most useful one first. */
  commands: string[];
  /** Absent: not known. */
  past?: Past;
  /** Of the last hour. Absent: not known. */
  requests?: RequestCounts;
  /** Of its API key. Absent: not known. */
  rotation?: KeyRotation;
}

/** Requests for one connection: served tokens by source, calls that the business API answered, and those that got an error. */
export interface RequestCounts {
  memory: number;
  table: number;
  upstream: number;
  api: number;
  errors: number;
}

/** What Secrets Manager says of a key's rotation. */
export interface KeyRotation {
  isOn: boolean;
  /** The end of the day by which it rotates. */
  nextAt?: number;
  /** When the secret last changed. Absent while a next key waits in it: that is not used yet. */
  changedAt?: number;
}

/** The past of a connection, from the functions' log. */
export interface Past {
  tokens: TokenBar[];
  attempts: FailedAttempt[];
}

/** The life of an access token. */
export interface TokenBar {
  generation: number;
  from: number;
  /** The end of its life, whether or not another token replaced it before. */
  until: number;
  by: string;
}

/** A replacement that failed. */
export interface FailedAttempt {
  at: number;
  code: string;
}

/** Requests for tokens and calls to Smart Services, in steps up to `end`. */
export interface Traffic {
  end: number;
  stepSeconds: number;
  steps: TrafficStep[];
  /** Requests per second of the last minute, or of the last complete step. */
  requestsPerSecond: number;
  /** Failed requests by code, in all steps. */
  errors: Record<string, number>;
}

/** Counts of one step. */
export interface TrafficStep {
  /** Served tokens by source. */
  memory: number;
  table: number;
  upstream: number;
  /** Callers' calls that the business API answered, whatever its status. */
  api: number;
  /** Requests that got no token because of the broker, its stores, the registration or Smart Services. */
  failed: number;
  /** Requests that got an error because of the caller, like an unknown connection, or because the business API gave no answer. */
  refused: number;
  /** Served tokens with less time left than required: they miss the validity objective. */
  missed: number;
  /** To Smart Services, for tokens. */
  calls: number;
  callsFailed: number;
}

/** One entry of the feed. */
export interface DashboardEvent {
  at: number;
  level: "info" | "warn" | "error";
  /** The log message or the kind of the notice. */
  kind: string;
  connection?: string;
  text: string;
  /** A heading of docs/runbook.md. */
  runbook?: string;
}

/** What the buttons of the local run do, and what is on. */
interface Controls {
  scenarios: { name: string; does: string; watch: string }[];
  /** Absent if the switches were set one by one. */
  scenario?: string;
  /** Whether new tokens last two minutes. */
  shortTokens: boolean;
}

/** What a source of the page offers. */
export interface DashboardSource {
  /** @param range seconds back from now */
  read: (range: number) => Promise<DashboardData>;
  /** Actions by name. Each returns a sentence that says what it did, or throws an error that says why not. */
  actions: Record<string, (body: Record<string, unknown>) => Promise<{ message: string }>>;
}
