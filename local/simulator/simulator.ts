import type { Account } from "./credentials.ts";
import type { ReceivedRequest } from "./recording.ts";
import type { Scenario } from "./scenario.ts";

export type Endpoint = "exchange" | "refresh" | "business";

/** A running simulator of Smart Services. */
export interface Simulator {
  url: string;
  /** The current scenario. */
  readonly scenario: Readonly<Scenario>;
  /** Changes the given switches only. Does not check values: `parsePatch` checks those from outside. */
  setScenario(patch: Partial<Scenario>): void;
  /** Accepts a key, with or without its `Bearer `, for a username and scope. */
  admit(credentials: Account & { apiKey: string }): void;
  issueKey(account: Account): string;
  /** Stops accepting a key; its tokens stay valid. Returns false for an unknown key. */
  revokeKey(apiKey: string): boolean;
  /** The last 1,000 requests except those to `/_simulator`, newest last, with their secrets: for tests only. */
  readonly requests: readonly ReceivedRequest[];
  /** Calls since the start, also those without a response. */
  readonly counts: Readonly<Record<Endpoint, number>>;
  /** Ends every connection, delay and hanging response. */
  close(): Promise<void>;
}
