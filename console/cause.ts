import type { ConnectionStatus } from "@smart-token-broker/status/rules/connection-status.ts";
import { brokerCommand, type Flags } from "./broker-command.ts";
import { timeOfDay } from "./time.ts";

/** The cause of an error in a few words: the HTTP status or the network's error if its detail has one, else its code. */
export function causeOf({ code, detail }: NonNullable<ConnectionStatus["last_error"]>): string {
  return /\(([^()]{1,40})\)/.exec(detail)?.[1] ?? code;
}

/** Errors that keep a state until a replacement works, whatever later attempts get. */
const kept: Partial<Record<ConnectionStatus["state"], [code: string, text: string]>> = {
  rejected: ["credentials_rejected", "Smart Services rejected the API key, and no replacement worked since."],
  not_ready: ["connection_not_ready", "The secret had no usable value, and no replacement worked since."],
};

/** Why a connection is in its state, then why its last attempt failed if that is another reason. */
export function reasonOf(status: ConnectionStatus, now: number): string | undefined {
  const { state, last_error: error } = status;
  const [code, text] = kept[state] ?? [];
  if (error && code !== undefined && error.code !== code) return `${text} Now: ${error.detail}`;
  // An operator may just have done it.
  return isAttemptDue(status, now)
    ? error?.detail.replace(/ An operator must store a valid key\.$/, "")
    : error?.detail;
}

/** Until when callers are served from the stored token. */
export function servedUntil({ access_token_expires_at: end }: ConnectionStatus, now: number): string {
  const isServed = end !== undefined && Date.parse(end) / 1000 > now;
  return isServed ? `Callers are served until ${timeOfDay(end, now)}.` : "Callers get an error.";
}

/** Whether the schedule tries within a minute to replace the token, or a replacement is running. */
export function isAttemptDue({ next_action: next }: ConnectionStatus, now: number): boolean {
  if (!next || !/^(retry|replacement) /.test(next.what)) return false;
  return next.what === "replacement in progress" || Date.parse(next.at) / 1000 <= now;
}

/** What an operator can do, and the arguments of `broker` for it. */
export interface Fix {
  what: string;
  args: string;
}

/** How a fix is written: for the command line with the command to paste. */
export const withCommand =
  (deployment: Flags) =>
  ({ what, args }: Fix) =>
    `${what}: ${brokerCommand(deployment, args)}`;

/** What an operator can do about a connection; `undefined` if there is nothing to do. */
export function fixOf({ connection, state, last_error: error }: ConnectionStatus): Fix | undefined {
  const fix = (what: string, args: string) => ({ what, args });
  switch (state) {
    case "fresh":
    case "due":
      return undefined;
    case "rejected":
      return fix("Stage a valid key", `keys stage ${connection}`);
    case "not_ready":
      return fix("See its secret", `connections show ${connection}`);
    case "removed":
      return fix("Add it again", `connections add ${connection}`);
    case "retrying":
    case "expired":
      return error?.code === "upstream_malformed"
        ? fix("See what Smart Services sends", `doctor --probe ${connection}`)
        : fix("Retry now", `connections renew ${connection} --wait`);
  }
}

/** Whether callers get errors, or soon will, until someone acts: for monitoring. */
export const isBroken = ({ state }: ConnectionStatus) => ["rejected", "not_ready", "expired"].includes(state);
