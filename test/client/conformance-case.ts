import { readFileSync } from "node:fs";
import { join } from "node:path";

export const conformance = join(import.meta.dirname, "../../packages/conformance");

/** An answer of the broker or of the business API. packages/conformance/README.md explains every field of a case. */
export interface Answer {
  token?: string;
  expiresIn?: number;
  status?: number;
  json?: object;
  text?: string;
  headers?: Record<string, string>;
  broken?: true;
  silent?: true;
  after?: number;
}

export interface Step {
  at: number;
  frozen?: boolean;
  wallClock?: number;
  call?: "fetch";
  connection?: string;
  times?: number;
  method?: string;
  path?: string;
  body?: string | { stream: string };
  /** A text: the answer `broken` or `silent`, or the token of the answer. */
  broker?: (string | ({ connection?: string; rejects?: string } & Answer))[];
  api?: ({ bearer: string; body?: string; times?: number } & Answer)[];
  /** The token, the status, or the error that each call gets. */
  expect?: string | number | { code: string; status?: number; retryAfter?: number; requestId?: string };
  after?: number;
}

export interface Case {
  name: string;
  margin?: number;
  timeout?: number;
  random?: number;
  steps: Step[];
}

/** A row of errors.json: a response of the broker, and what it means. */
export interface ErrorRow extends Omit<Answer, "after"> {
  name: string;
  code?: string;
  requestId?: string;
  pausesAlone?: true;
}

/** The script that a row stands for: a call of a connection gets the response; then comes a call of another connection. */
export function scriptOf(of: Case | ErrorRow): Case {
  if ("steps" in of) return of;
  const { name, code = "malformed_response", requestId, pausesAlone, ...answer } = of;
  const { status = 200 } = answer;
  const error = { code, status, retryAfter: 1, ...(requestId !== undefined && { requestId }) };
  const others: Partial<Step> = pausesAlone
    ? { broker: ["fake-token-1"], expect: "fake-token-1" }
    : { expect: { code, retryAfter: 1 } };
  return {
    name,
    steps: [
      { at: 0, connection: "acme", broker: [answer], expect: error },
      { at: 0.5, connection: "other", ...others },
    ],
  };
}

export function readCases<Content = Case[]>(file: string): Content {
  return JSON.parse(readFileSync(join(conformance, file), "utf8")) as Content;
}
