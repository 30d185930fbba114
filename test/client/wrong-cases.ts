import type { Case, ErrorRow, Step } from "./conformance-case.ts";

const first: Step = { at: 0, broker: ["fake-token-1"], expect: "fake-token-1" };
const used: Step = { at: 1, call: "fetch", expect: 200 };
const api = (bearer: string) => ({ bearer, status: 200 });

const wrongSteps: [finds: string, Step[]][] = [
  ["a request that no step lists", [{ ...first, broker: [] }]],
  ["a listed request that is not sent", [{ ...first, broker: ["fake-token-1", "fake-token-1"] }]],
  ["a request of another connection", [{ ...first, broker: [{ connection: "other", token: "fake-token-1" }] }]],
  ["another token", [{ ...first, expect: "fake-token-2" }]],
  ["a call that waits", [{ ...first, broker: [{ token: "fake-token-1", after: 1 }] }]],
  ["a call that does not wait", [{ ...first, after: 1 }]],
  ["a token where an error should be", [{ ...first, expect: { code: "timeout" } }]],
  ["a report of another token", [{ ...first, broker: [{ rejects: "fake-token-0", token: "fake-token-1" }] }]],
  ["a request without a call's step, late", [first, { at: 2400, expect: "fake-token-1" }]],
  ["another token at the business API", [first, { ...used, api: [api("fake-token-2")] }]],
  ["another status", [first, { ...used, api: [api("fake-token-1")], expect: 201 }]],
  ["a missing request to the business API", [first, { ...used, api: [api("fake-token-1"), api("fake-token-1")] }]],
];

const row = { status: 400, json: { error: "invalid_client" } };

/** Cases that are wrong, and what a runner must find in each. */
export const wrongCases: [finds: string, Omit<Case, "name"> | Omit<ErrorRow, "name">][] = [
  ...wrongSteps.map(([finds, steps]): [string, Omit<Case, "name">] => [finds, { steps }]),
  ["another code of an error", { ...row, code: "invalid_grant" }],
  ["connections that pause together where one should alone", { ...row, code: "invalid_client", pausesAlone: true }],
];
