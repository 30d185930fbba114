import type { FailureCode } from "../../functions/auth-core/rules/failure-catalogue.ts";
import type { BrokerEvent } from "../../functions/auth-core/rules/event.ts";
import type { Notice } from "../../functions/auth-core/rules/notice.ts";

// What happens when something that the broker calls fails: call × fault → outcome. The tests of this folder and
// docs/faults.md are made from it (`npm run generate`).

/** Every fault, and what it looks like to the broker. */
export const faults = {
  refuse: "It accepts no connection.",
  reset: "It does what was requested. The connection breaks within the response.",
  lost: "It does what was requested. One response is lost.",
  stall: "It never answers.",
  drip: "It does what was requested. The response arrives byte by byte and never ends.",
  error: "It answers HTTP 500.",
  throttle: "It answers that there are too many requests: HTTP 429, or `ThrottlingException`.",
  truncated: "It does what was requested. The JSON of the response ends too early.",
} as const;
export type Fault = keyof typeof faults;
const all = Object.keys(faults) as Fault[];
const allBut = (...others: Fault[]) => all.filter((fault) => !others.includes(fault));

/** What a caller gets. Only `none` has no caller: a sweep or a rotation makes the call. */
type Caller = "stored" | "new" | "none" | { status: number; code: FailureCode };

/** What is stored afterwards. */
export const stored = {
  nothing: "nothing",
  unchanged: "the token, unchanged",
  token: "the new token",
  failure: "the failure, and when to retry; a stored token stays",
  lease: "a lease, which ends after 15 s; the token stays",
  entry: "the retiring key, until its event is sent and it is revoked",
  retired: "nothing of the retiring key",
  kept: "the current key stays in use; a staged key stays staged",
  rotated: "the next key is the current one",
};

export interface Outcome {
  caller: Caller;
  stored: keyof typeof stored;
  /** The log messages and events of the call, without repetitions. */
  tells: (Notice["kind"] | BrokerEvent["kind"])[];
  /** Seconds until the caller has the response, or the step or sweep ends; with all that it waits for. */
  within: number;
}

interface Row {
  /** The call that fails, in words. */
  call: string;
  outcomes: [Fault[], Outcome][];
}

const unavailable = { status: 503, code: "unavailable" } as const;
const upstreamUnavailable = { status: 503, code: "upstream_unavailable" } as const;
const malformed = { status: 502, code: "upstream_malformed" } as const;
const rejected = { status: 502, code: "credentials_rejected" } as const;

/** The caller-visible outcome of a replacement that failed. */
const failed = (caller: Caller, within: number, ...tells: Outcome["tells"]): Outcome => ({
  caller,
  stored: "failure",
  tells: [...tells, "replacement_failed"],
  within,
});
/** A rotation that ends with the step that failed. */
const ended = (within: number, ...tells: Outcome["tells"]): Outcome => ({
  caller: "none",
  stored: "kept",
  tells,
  within,
});
/** A rotation that completes: a repetition of the request or of the step succeeds. */
const completed = (within: number, ...tells: Outcome["tells"]): Outcome => ({
  caller: "none",
  stored: "rotated",
  tells: [...tells, "api_key_rotated"],
  within,
});

const smartServices = {
  firstToken: {
    call: "the API-key request for a connection without a token",
    outcomes: [
      [allBut("truncated"), failed(upstreamUnavailable, 5)],
      [["truncated"], failed(malformed, 5)],
    ],
  },
  refresh: {
    call: "the refresh request; the stored token has expired",
    outcomes: [
      [
        allBut("refuse", "throttle"),
        { caller: "new", stored: "token", tells: ["refresh_failed", "replaced"], within: 5 },
      ],
      [["throttle"], failed(upstreamUnavailable, 5, "refresh_failed")],
    ],
  },
  bothValid: {
    call: "both requests; the stored token is valid",
    outcomes: [
      [allBut("lost"), failed("stored", 10, "refresh_failed")],
      [["lost"], { caller: "new", stored: "token", tells: ["refresh_failed", "replaced"], within: 5 }],
    ],
  },
  bothExpired: {
    call: "both requests; the stored token has expired",
    outcomes: [
      [allBut("lost", "truncated"), failed(upstreamUnavailable, 10, "refresh_failed")],
      [["truncated"], failed(malformed, 10, "refresh_failed")],
      [["lost"], { caller: "new", stored: "token", tells: ["refresh_failed", "replaced"], within: 5 }],
    ],
  },
  testOfNextKey: {
    call: "the test of the next key in a rotation",
    outcomes: [[all, ended(5, "api_key_action_needed")]],
  },
} satisfies Record<string, Row>;

const dynamoDb = {
  readCold: {
    call: "reading the item, in an environment without the token in memory",
    outcomes: [
      [
        allBut("lost"),
        { caller: unavailable, stored: "unchanged", tells: ["lean_read_failed", "table_unavailable"], within: 3 },
      ],
      [["lost"], { caller: "stored", stored: "unchanged", tells: ["lean_read_failed"], within: 3 }],
    ],
  },
  readWarm: {
    call: "reading the item, in an environment with a valid token in memory",
    outcomes: [
      [
        allBut("lost"),
        { caller: "stored", stored: "unchanged", tells: ["lean_read_failed", "table_unavailable"], within: 3 },
      ],
      [["lost"], { caller: "stored", stored: "unchanged", tells: [], within: 3 }],
    ],
  },
  leaseExpired: {
    call: "taking the lease; the stored token has expired. No refresh token is used",
    outcomes: [
      [
        ["refuse", "stall", "error", "throttle"],
        { caller: unavailable, stored: "unchanged", tells: ["table_unavailable"], within: 3 },
      ],
      [
        ["reset", "drip", "truncated"],
        { caller: unavailable, stored: "lease", tells: ["table_unavailable"], within: 3 },
      ],
      [["lost"], { caller: "new", stored: "token", tells: ["replaced"], within: 3 }],
    ],
  },
  leaseValid: {
    call: "taking the lease; the stored token is valid",
    outcomes: [
      [
        ["refuse", "stall", "error", "throttle"],
        { caller: "stored", stored: "unchanged", tells: ["table_unavailable"], within: 3 },
      ],
      [["reset", "drip", "truncated"], { caller: "stored", stored: "lease", tells: ["table_unavailable"], within: 3 }],
      [["lost"], { caller: "new", stored: "token", tells: ["replaced"], within: 3 }],
    ],
  },
  commit: {
    call: "storing the new token",
    outcomes: [
      [
        ["refuse", "stall", "error", "throttle"],
        { caller: "new", stored: "lease", tells: ["commit_not_written"], within: 18 },
      ],
      [["reset", "drip", "truncated"], { caller: "new", stored: "token", tells: ["commit_not_written"], within: 18 }],
      [["lost"], { caller: "new", stored: "token", tells: ["replaced"], within: 3 }],
    ],
  },
  storeFailure: {
    call: "storing that Smart Services rejected the API key",
    outcomes: [
      [
        ["refuse"],
        {
          caller: unavailable,
          stored: "lease",
          tells: ["refresh_failed", "replacement_failed", "lean_read_failed", "table_unavailable"],
          within: 6,
        },
      ],
      [
        ["stall", "error", "throttle"],
        {
          caller: rejected,
          stored: "lease",
          tells: ["refresh_failed", "replacement_failed", "table_unavailable"],
          within: 6,
        },
      ],
      [["reset", "drip", "truncated"], failed(rejected, 6, "refresh_failed", "table_unavailable")],
      [["lost"], failed(rejected, 6, "refresh_failed", "connection_rejected")],
    ],
  },
  due: {
    call: "the sweep's query of what is due. The next sweep does it",
    outcomes: [
      [allBut("lost"), { caller: "none", stored: "unchanged", tells: [], within: 3 }],
      [["lost"], { caller: "none", stored: "token", tells: ["replaced"], within: 3 }],
    ],
  },
  readInSweep: {
    call: "reading the item in a sweep. The next sweep does it",
    outcomes: [
      [allBut("lost"), { caller: "none", stored: "unchanged", tells: ["table_unavailable"], within: 3 }],
      [["lost"], { caller: "none", stored: "token", tells: ["replaced"], within: 3 }],
    ],
  },
  noteNextKey: {
    call: "noting the next key in a rotation",
    outcomes: [
      [allBut("lost"), ended(3, "secrets_unavailable")],
      [["lost"], completed(3)],
    ],
  },
  revokedKeys: {
    call: "reading the revoked caller keys, in an environment that never read them",
    outcomes: [
      [
        allBut("lost"),
        { caller: unavailable, stored: "unchanged", tells: ["lean_read_failed", "table_unavailable"], within: 3 },
      ],
      [["lost"], { caller: "stored", stored: "unchanged", tells: ["lean_read_failed"], within: 3 }],
    ],
  },
} satisfies Record<string, Row>;

const secretsManager = {
  registrationFirst: {
    call: "reading the registration of a connection without a token",
    outcomes: [
      [allBut("lost"), { caller: unavailable, stored: "nothing", tells: ["secrets_unavailable"], within: 1.5 }],
      [["lost"], { caller: "new", stored: "token", tells: ["replaced"], within: 1.5 }],
    ],
  },
  registrationExpired: {
    call: "reading the registration for a replacement; the stored token has expired",
    outcomes: [
      [allBut("lost"), failed(unavailable, 1.5, "secrets_unavailable")],
      [["lost"], { caller: "new", stored: "token", tells: ["replaced"], within: 1.5 }],
    ],
  },
  registrationValid: {
    call: "reading the registration for a replacement; the stored token is valid",
    outcomes: [
      [allBut("lost"), failed("stored", 1.5, "secrets_unavailable")],
      [["lost"], { caller: "new", stored: "token", tells: ["replaced"], within: 1.5 }],
    ],
  },
  describe: {
    call: "describing the secret in a rotation",
    outcomes: [
      [allBut("lost"), completed(9, "secrets_unavailable")],
      [["lost"], completed(9)],
    ],
  },
  putPending: {
    call: "storing the next key as pending in a rotation",
    outcomes: [
      [["refuse"], completed(9, "secrets_unavailable")],
      [allBut("refuse", "lost"), ended(9, "secrets_unavailable")],
      [["lost"], completed(9)],
    ],
  },
  moveCurrent: {
    call: "moving AWSCURRENT to the next key in a rotation",
    outcomes: [
      [["stall", "error", "throttle"], ended(9, "secrets_unavailable")],
      [["refuse", "reset", "drip", "truncated"], completed(9, "secrets_unavailable")],
      [["lost"], completed(9)],
    ],
  },
  removePending: {
    call: "removing AWSPENDING at the end of a rotation",
    outcomes: [
      [allBut("lost"), completed(9, "secrets_unavailable")],
      [["lost"], completed(9)],
    ],
  },
} satisfies Record<string, Row>;

const eventBridge = {
  rejectedEvent: {
    call: "the event `connection_rejected`. It is lost, except in the log; `GET /v1/status` has the state",
    outcomes: [
      [allBut("lost"), failed(rejected, 9, "refresh_failed", "event_not_sent", "connection_rejected")],
      [["lost"], failed(rejected, 9, "refresh_failed", "connection_rejected")],
    ],
  },
  rotatedEvent: {
    call: "the event `api_key_rotated`",
    outcomes: [
      [allBut("lost"), completed(9, "secrets_unavailable")],
      [["lost"], completed(9)],
    ],
  },
  retirableEvent: {
    call: "the event `api_key_retirable`. The sweep sends it again",
    outcomes: [
      [
        ["refuse", "stall", "error", "throttle"],
        { caller: "none", stored: "entry", tells: ["key_not_retired"], within: 9 },
      ],
      [
        ["reset", "drip", "truncated"],
        { caller: "none", stored: "entry", tells: ["key_not_retired", "api_key_retirable"], within: 9 },
      ],
      [["lost"], { caller: "none", stored: "retired", tells: ["api_key_retirable"], within: 9 }],
    ],
  },
} satisfies Record<string, Row>;

const issuer = {
  discovery: {
    call: "the discovery document, in an environment without the issuer's keys",
    outcomes: [[all, { caller: unavailable, stored: "unchanged", tells: [], within: 5 }]],
  },
  jwks: {
    call: "the keys, in an environment without them",
    outcomes: [[all, { caller: unavailable, stored: "unchanged", tells: [], within: 5 }]],
  },
  knownKeys: {
    call: "the discovery document; the known keys are older than 10 minutes and younger than a day",
    outcomes: [[all, { caller: "stored", stored: "unchanged", tells: [], within: 1 }]],
  },
} satisfies Record<string, Row>;

const keyIssuer = {
  issue: {
    call: "`POST`: issuing a key for a rotation. A repetition returns the same key",
    outcomes: [[all, completed(5, "api_key_action_needed")]],
  },
  revoke: {
    call: "`DELETE`: revoking a key that is no longer used. A later sweep repeats it",
    outcomes: [
      [
        allBut("truncated", "reset", "drip"),
        { caller: "none", stored: "entry", tells: ["api_key_retirable", "api_key_action_needed"], within: 5 },
      ],
    ],
  },
} satisfies Record<string, Row>;

export const table = { smartServices, dynamoDb, secretsManager, eventBridge, issuer, keyIssuer };
export type Dependency = keyof typeof table;
export type Call = { [Name in Dependency]: keyof (typeof table)[Name] }[Dependency];

export const dependencies: Record<Dependency, string> = {
  smartServices: "Smart Services",
  dynamoDb: "DynamoDB",
  secretsManager: "Secrets Manager",
  eventBridge: "EventBridge",
  issuer: "Issuers of JWTs",
  keyIssuer: "Key issuers",
};

/** The table with one row for each call and fault. */
export const rows = Object.entries(table).flatMap(([dependency, calls]) =>
  Object.entries(calls as Record<string, Row>).flatMap(([call, { outcomes }]) =>
    outcomes.flatMap(([of, outcome]) =>
      of.map((fault) => ({ dependency: dependency as Dependency, call: call as Call, fault, outcome })),
    ),
  ),
);
