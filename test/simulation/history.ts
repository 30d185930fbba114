import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import type { BrokerEvent } from "../../functions/auth-core/rules/event.ts";
import type { Notice } from "../../functions/auth-core/rules/notice.ts";
import type { TokenRequirements } from "../../functions/auth-core/rules/tokens/token-set.ts";
import type { Answer } from "../../functions/auth-core/use-cases/token-service.ts";
import type { ApiResult } from "../../functions/calls/use-cases/api.ts";
import type { Draws } from "./random.ts";

/** A run of one function: its calls wait for answers, it may freeze, and it may die. */
export interface Process {
  id: string;
  kind: "caller" | "sweep" | "rotation" | "renewal";
  startedAt: number;
  calls: number;
  leases: number;
  draws: Draws;
  /** Seconds by which its clock is ahead. */
  ahead: number;
  /** No answer reaches it before. */
  frozenUntil: number;
  /** Seconds that it was frozen: they do not count for its timeout. */
  frozen: number;
  end?: "done" | "failed" | "died" | "timed out";
  onDeath?: () => void;
  /** A fault hit one of its calls. */
  isDisturbed: boolean;
  /** Of a caller: its execution environment. Of a rotation: its pending version. */
  environment?: string;
  version?: string;
  /** Of a call. */
  connection?: string;
}

/** What happened, in order. `process` is the one that caused it; an operator and upstream have none. */
export type Entry = { at: number; process?: Process; connection?: string } & (
  | { kind: "act"; text: string }
  | { kind: "end"; how: "done" | "failed" | "died" | "timed out"; reason: string }
  | { kind: "fault"; text: string }
  /** A call leaves a process; its answer comes back (`failed`: as an UnavailableError). */
  | { kind: "call"; call: string; nth: number }
  | { kind: "answer"; call: string; nth: number; failed: boolean; value: unknown }
  /** The table changed an item. `owner` is the one that the call names. */
  | { kind: "change"; call: string; owner?: string | undefined; before?: ConnectionItem; after: ConnectionItem }
  /** Upstream did a call: `token` is the one that it issued, or issued again. */
  | { kind: "upstream"; grant: string; key: string; token?: string; answer: string }
  /** A secret changed. Label → version, and the key in it. */
  | { kind: "secret"; text: string; before: Labels; after: Labels }
  | { kind: "event"; event: BrokerEvent }
  | { kind: "notice"; notice: Notice }
  /** The business API got a request of a call. */
  | { kind: "sent"; token: string; method: string; path: string; status: number }
  /** What a process learned of its request to the business API. */
  | { kind: "result"; result: ApiResult["kind"] }
  | { kind: "called"; status: number; code: string }
  /** An operator revoked the caller of calls, or undid that. */
  | { kind: "caller"; revoked: boolean }
  | { kind: "issuer"; text: "issued" | "revoked"; id: string; key: string }
  | { kind: "served"; environment: string; requirements: TokenRequirements; startedAt: number; answer: Answer }
);

export type EntryOf<Kind extends Entry["kind"]> = Extract<Entry, { kind: Kind }>;

/** Label → the version that has it. */
export type Labels = Record<string, { version: string; key: string | undefined; createdAt: number }>;

/** One line of a history. */
export function lineOf(entry: Entry, start: number): string {
  const { at, process, connection } = entry;
  return [(at - start).toFixed(3).padStart(12), process?.id ?? "-", connection ?? "-", textOf(entry)].join(" ");
}

function textOf(entry: Entry): string {
  switch (entry.kind) {
    case "act":
      return entry.text;
    case "end":
      return `ended: ${entry.how}${entry.reason && ` (${entry.reason})`}`;
    case "fault":
      return `FAULT ${entry.text}`;
    case "call":
      return `-> ${entry.call}`;
    case "answer":
      return `<- ${entry.call}${entry.failed ? " failed" : ""}`;
    case "change":
      return `${entry.call}: ${itemText(entry.after)}`;
    case "upstream":
      return `upstream ${entry.grant} of ${entry.key}: ${entry.answer}${entry.token ? ` ${entry.token}` : ""}`;
    case "secret":
      return `${entry.text}: ${Object.entries(entry.after)
        .map(([label, { version, key }]) => `${label}=${version}/${key ?? "empty"}`)
        .join(" ")}`;
    case "event":
      return `event ${JSON.stringify(entry.event)}`;
    case "notice":
      return `notice ${JSON.stringify(entry.notice)}`;
    case "sent":
      return `api ${entry.method} ${entry.path} with ${entry.token}: ${entry.status}`;
    case "result":
      return `result: ${entry.result}`;
    case "called":
      return `answer ${entry.status} ${entry.code}`;
    case "caller":
      return `operator: the caller is ${entry.revoked ? "revoked" : "restored"}`;
    case "issuer":
      return `issuer ${entry.text} ${entry.key}`;
    case "served": {
      const { answer } = entry;
      if (answer.kind === "failure") return `answer ${answer.failure.code}`;
      return `answer ${answer.set.accessToken.reveal()} from ${answer.source}`;
    }
  }
}

function itemText({
  generation,
  failures,
  leaseOwner,
  tokenSet,
  lastError,
  nextActionAt,
  retiringKeys,
}: ConnectionItem) {
  const keys = Object.entries(retiringKeys ?? {}).map(([key, { end }]) => `${key.slice(0, 6)}${end ? "-" : "+"}`);
  return [
    `generation ${generation}`,
    ...(failures ? [`failures ${failures} ${lastError?.code}`] : []),
    ...(leaseOwner ? [`lease ${leaseOwner}`] : []),
    tokenSet?.accessToken.reveal() ?? "no token",
    `next ${nextActionAt?.toFixed(3) ?? "never"}`,
    ...(keys.length > 0 ? [`keys ${keys.join(" ")}`] : []),
  ].join(", ");
}
