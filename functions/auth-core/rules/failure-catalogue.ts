interface CatalogueEntry {
  /** HTTP status. */
  status: number;
  /** The `title` of problem details. */
  title: string;
  /** The `error` of a token endpoint: RFC 6749 §5.2, and §4.1.2.1 for failures of the server. */
  oauthError: "invalid_request" | "invalid_scope" | "server_error" | "temporarily_unavailable";
  /** The failure lasts until an operator acts. Every other failure is temporary. */
  needsOperator?: true;
  /** A replacement can fail with it: a value of the metric `ReplacementFailures`. */
  ofReplacement?: true;
}

/**
 * Every failure of the HTTP contract. A new code changes the contract. Its texts for people and its example are in
 * failure-texts.ts, which functions never import; from both come docs/openapi.json and the tables of docs/errors.md.
 */
export const failureCatalogue = {
  invalid_request: { status: 400, title: "Invalid request", oauthError: "invalid_request" },
  unknown_connection: { status: 404, title: "Unknown connection", oauthError: "invalid_scope" },
  connection_not_ready: {
    status: 409,
    title: "The connection is not ready",
    oauthError: "server_error",
    needsOperator: true,
    ofReplacement: true,
  },
  too_soon: { status: 429, title: "Too soon after the last replacement", oauthError: "temporarily_unavailable" },
  credentials_rejected: {
    status: 502,
    title: "Smart Services rejected the API key",
    oauthError: "server_error",
    needsOperator: true,
    ofReplacement: true,
  },
  upstream_malformed: {
    status: 502,
    title: "Smart Services sent an unrecognised response",
    oauthError: "server_error",
    ofReplacement: true,
  },
  upstream_unavailable: {
    status: 503,
    title: "Smart Services is unavailable",
    oauthError: "temporarily_unavailable",
    ofReplacement: true,
  },
  unavailable: {
    status: 503,
    title: "A store of the broker is unavailable",
    oauthError: "temporarily_unavailable",
    ofReplacement: true,
  },
  internal: { status: 500, title: "Internal error", oauthError: "server_error" },
} as const satisfies Record<string, CatalogueEntry>;

export type FailureCode = keyof typeof failureCatalogue;

export const failureCodes = Object.keys(failureCatalogue) as FailureCode[];

export function isFailureCode(text: string): text is FailureCode {
  return Object.hasOwn(failureCatalogue, text);
}

/** Whether a failure lasts until an operator acts. Every other failure is temporary. */
export function needsOperator(code: FailureCode): boolean {
  return "needsOperator" in failureCatalogue[code];
}

/** Whether a replacement can fail with it. */
export function isOfReplacement(code: FailureCode): boolean {
  return "ofReplacement" in failureCatalogue[code];
}

/** The `type` of a problem is this prefix and its code. */
export const problemType = "urn:smart-token-broker:";
