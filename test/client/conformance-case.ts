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
  call?: "token" | "fetch";
  connection?: string;
  times?: number;
  method?: string;
  path?: string;
  body?: string | { stream: string };
  broker?: { connection?: string; rejects?: string; answer: Answer }[];
  api?: { bearer: string; body?: string; times?: number; answer: Answer }[];
  expect?: {
    token?: string;
    status?: number;
    error?: { code: string; status?: number; retryAfter?: number; requestId?: string };
    after?: number;
  };
}

export interface Case {
  name: string;
  margin?: number;
  timeout?: number;
  random?: number;
  steps: Step[];
}

export function readCases<Content = Case[]>(file: string): Content {
  return JSON.parse(readFileSync(join(conformance, file), "utf8")) as Content;
}
