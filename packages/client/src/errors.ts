/** The codes of the client itself. The others are the broker's `code` or OAuth's `error`. */
export type ClientCode =
  | "unreachable"
  | "timeout"
  | "proxy_error"
  | "malformed_response"
  | "gateway"
  | "credential_unavailable";

export interface BrokerErrorFields {
  /** Decide by it: a code of the broker, an OAuth error or one of `ClientCode`. */
  code: string;
  /** HTTP status of the broker's response, if there was one. */
  status?: number | undefined;
  /** Seconds after which a retry makes sense. Until then the client sends the broker no request. */
  retryAfter?: number | undefined;
  /** Finds the request in the broker's log. */
  requestId?: string | undefined;
  connection?: string | undefined;
}

/** No valid token, and the broker gave none. Holds no token and no key. */
export class BrokerError extends Error implements BrokerErrorFields {
  override readonly name = "BrokerError";
  declare readonly code: string;
  declare readonly status: number | undefined;
  declare readonly retryAfter: number | undefined;
  declare readonly requestId: string | undefined;
  declare readonly connection: string | undefined;

  constructor(message: string, fields: BrokerErrorFields) {
    super(message);
    Object.assign(this, fields);
  }
}

/** The same failure for another call, with the seconds that are left until the client sends the broker another request. */
export function repeated(error: BrokerError, left: number): BrokerError {
  return Object.assign(new BrokerError(error.message, error), { retryAfter: Math.max(1, Math.ceil(left)) });
}

/** Longest `Retry-After` that is obeyed, in seconds: the broker's own maximum. */
const maxRetryAfter = 900;

/**
 * Reads an error response of the broker (RFC 9457, RFC 6749 §5.2) or of its gateway (`{"message": …}`).
 *
 * @param of.clean removes the credential from a text: the response may be of a proxy that repeats the request
 */
export function readFailure(
  { status, headers }: { status: number; headers: Headers },
  body: Record<string, unknown>,
  { connection, clean }: { connection: string; clean: (text: string) => string },
): BrokerError {
  // Not the text of the response: JSON can escape the credential.
  const start = (text: unknown) => (typeof text === "string" ? clean(text).slice(0, 500) : undefined);
  const textOf = (name: string) => start(body[name]);
  const requestId = textOf("request_id") ?? start(headers.get("apigw-requestid"));
  const failure = (code: string, message: string) =>
    new BrokerError(message, { code, status, requestId, connection, retryAfter: readRetryAfter(headers) });
  const code = textOf("code") ?? textOf("error") ?? "";
  if (/^[a-z][a-z_]*$/.test(code)) {
    const detail = textOf("detail") ?? textOf("error_description") ?? "";
    return failure(code, `The broker answered ${status} ${code}. ${detail}`.trim());
  }
  const message = textOf("message");
  if (message !== undefined) {
    return failure("gateway", `The broker's gateway answered ${status} ${message.replace(/\.$/, "")}.`);
  }
  return failure(
    status < 500 ? "malformed_response" : "proxy_error",
    `The broker's response is not one of the broker (HTTP ${status}).`,
  );
}

/** Seconds of `Retry-After`, which is a number or a date (RFC 9110 §10.2.3). A date counts by the sender's own clock. */
function readRetryAfter(headers: Headers): number | undefined {
  const text = headers.get("retry-after") ?? "";
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.parse(headers.get("date") ?? "")) / 1000;
  return seconds >= 0 ? Math.min(seconds, maxRetryAfter) : undefined;
}

/** Codes that the broker sends for one connection, while it may serve others. */
const ofConnection = new Set([
  "invalid_request",
  "invalid_scope",
  "unknown_connection",
  "connection_not_ready",
  "too_soon",
  "credentials_rejected",
  "upstream_malformed",
  "upstream_unavailable",
  "internal",
]);

/** Whether a failure says nothing about other connections: then only its own connection waits. */
export function concernsConnection({ code, status }: BrokerError): boolean {
  // IAM decides for each connection.
  return ofConnection.has(code) || (code === "gateway" && status === 403);
}

/** Whether a failure may end at any moment: nothing answered, or a server's error that does not say when to retry. */
export function isOutage(error: BrokerError): boolean {
  const { code, status = code === "credential_unavailable" ? 0 : 500, retryAfter } = error;
  return status >= 500 && retryAfter === undefined && !concernsConnection(error);
}
