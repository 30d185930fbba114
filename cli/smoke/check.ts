import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { explain } from "../exit.ts";

/** One question that only a real deployment answers for certain. */
export interface Check {
  /** In words, for the report. */
  question: string;
  /** What this project expects, as its pages say. */
  expected: string;
  /** The local run cannot answer it. */
  needsAws?: true;
  /** It writes, or pages someone: it runs only with `--write`. */
  writes?: true;
  observe: (target: Target) => Promise<Observation>;
}

export interface Target {
  deployment: Deployment;
  /** A connection that has a token; `undefined` if there is none. */
  connection: ConnectionId | undefined;
}

/** What was seen, without a secret, an account, a URL or the name of a connection: reports are sent to others. */
export interface Observation {
  verdict: "as expected" | "different" | "unknown";
  observed: string;
}

export interface Answer extends Pick<Check, "question" | "expected"> {
  verdict: Observation["verdict"] | "needs AWS" | "needs --write";
  observed?: string;
}

export const asExpected = (isExpected: boolean, observed: string): Observation => ({
  verdict: isExpected ? "as expected" : "different",
  observed,
});

export const unknown = (observed: string): Observation => ({ verdict: "unknown", observed });

/** Asks one question. A failure of AWS or of the network is an answer too: unknown, with its cause. */
export async function answer(check: Check, target: Target, write: boolean): Promise<Answer> {
  const { question, expected, needsAws, writes } = check;
  if (needsAws && target.deployment.local) return { question, expected, verdict: "needs AWS" };
  if (writes && !write) return { question, expected, verdict: "needs --write" };
  const { verdict, observed } = await observe(check, target);
  return { question, expected, verdict, observed: withoutNames(observed, target) };
}

const observe = (check: Check, target: Target): Promise<Observation> =>
  check.observe(target).catch((error: unknown) => unknown(explain(error).message));

/** AWS's words contain ARNs, e-mail addresses and names of secrets; errors of credentials a profile, and of the network a host. */
function withoutNames(text: string, { deployment, connection }: Target): string {
  const { accountId, apiId, url } = deployment;
  const named = text
    .replace(/arn:[\w-]+:[\w-]+:[\w-]*:\d*:[^\s"',)]*/g, "ARN")
    .replace(/[^\s"'(<,]+@[\w.-]+\w/g, "EMAIL")
    .replace(/(smart-token-broker\/\w+)\/[\w-]+/g, "$1/SECRET")
    .replace(/(\bprofile(?:=|: ?| ))(?:\[[^\]]*\]|"[^"]*"|'[^']*'|[\w@.-]+)/gi, "$1PROFILE")
    .replaceAll(new URL(url).host, "HOST")
    .replace(/\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH) [\w.:[\]-]+\w/g, "$1 HOST")
    .replaceAll(apiId, "API")
    .replaceAll(accountId, "ACCOUNT")
    .replace(/\b\d{12}\b/g, "ACCOUNT");
  // An id has no character that is special in an expression.
  return connection === undefined
    ? named
    : named.replace(new RegExp(`(?<![\\w-])${connection}(?![\\w-])`, "g"), "CONNECTION");
}
