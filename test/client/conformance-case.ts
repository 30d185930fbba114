import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sha256Hex } from "@smart-token-broker/auth-core/rules/fingerprint.ts";

const conformance = join(import.meta.dirname, "../../packages/conformance");

/** An answer of the broker or of the business API. packages/conformance/README.md explains every field of a case. */
interface Answer {
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

/** A request that a step causes, as a runner writes it down, and the response to it; none if it is broken or silent. */
export interface Exchange extends Pick<Answer, "broken" | "silent" | "after" | "headers"> {
  request: string;
  status: number;
  type: string;
  body: string;
}

/** The requests that the broker and the business API receive because of a step. */
export function exchangesOf(step: Step): { broker: Exchange[]; api: Exchange[] } {
  const { connection: id = "webapicorso", method = "GET", path = "/customers", body: sent = "" } = step;
  const text = typeof sent === "object" ? sent.stream : sent;
  return {
    broker: (step.broker ?? []).map((of) => {
      const { connection = id, rejects, ...answer } = typeof of === "string" ? word(of) : of;
      return exchange(brokerRequest(connection, rejects && sha256Hex(rejects)), answer);
    }),
    api: (step.api ?? []).flatMap(({ bearer, body = text, times = 1, ...answer }) => {
      const request = `${method} https://api.test/base${path} Bearer ${bearer} ${body}`;
      return Array.from({ length: times }, () => exchange(request, answer));
    }),
  };
}

export const brokerRequest = (connection: string | null, sha256: string | null | undefined) =>
  `broker: token of ${connection}${sha256 ? `, rejects ${sha256}` : ""}`;

const word = (text: string): { connection?: string; rejects?: string } & Answer =>
  text === "broken" || text === "silent" ? { [text]: true } : { token: text };

function exchange(
  request: string,
  { token, expiresIn = 3600, json = {}, text, status = 200, ...rest }: Answer,
): Exchange {
  const more = { token_type: "Bearer", scope: "fake-scope", api_base_url: "https://api.test/base" };
  const object = token === undefined ? json : { access_token: token, expires_in: expiresIn, ...more };
  const type = text === undefined ? "application/json" : "text/html";
  return { request, status, type, body: text ?? JSON.stringify(object), ...rest };
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
