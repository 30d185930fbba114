import { validateHeaderName, validateHeaderValue } from "node:http";

/** An HTTP response before it is written; header names are in lower case. */
export type Answer = { status: number; headers: [string, string][]; body: Buffer };

const MESSAGES = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  413: "Request Entity Too Large",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
} as const;

/** Headers of the connection: the gateway sets them, a function cannot. */
const OF_THE_CONNECTION = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** A response of the gateway itself: `{"message": "…"}`. */
export function gatewayAnswer(status: keyof typeof MESSAGES): Answer {
  return json(status, JSON.stringify({ message: MESSAGES[status] }));
}

/**
 * The HTTP response of a function's result (payload format 2.0). A result without `statusCode` is the JSON body of a
 * 200; a string is the body itself. A malformed result gives 500 without a reason.
 *
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function answerOf(result: unknown): Answer {
  try {
    if (isObject(result) && "statusCode" in result) return structured(result);
    return json(200, typeof result === "string" ? result : JSON.stringify(result ?? null));
  } catch {
    return gatewayAnswer(500);
  }
}

/** Throws a TypeError if the result does not follow the documented format. */
function structured(result: Record<string, unknown>): Answer {
  const { statusCode, headers = {}, cookies = [], body = "", isBase64Encoded = false } = result;
  check(typeof statusCode === "number" && Number.isInteger(statusCode) && statusCode >= 200 && statusCode <= 599);
  check(
    isObject(headers) && Array.isArray(cookies) && typeof body === "string" && typeof isBase64Encoded === "boolean",
  );

  const lines: [string, string][] = [
    ...Object.entries(headers).map(([name, value]) => header(name.toLowerCase(), value)),
    ...cookies.map((cookie) => header("set-cookie", cookie)),
  ].filter(([name]) => !OF_THE_CONNECTION.has(name));
  if (body !== "" && !lines.some(([name]) => name === "content-type")) {
    lines.push(["content-type", "text/plain; charset=utf-8"]);
  }
  return { status: statusCode, headers: lines, body: Buffer.from(body, isBase64Encoded ? "base64" : "utf8") };
}

function header(name: string, value: unknown): [string, string] {
  check(typeof value === "string" || typeof value === "number" || typeof value === "boolean");
  validateHeaderName(name);
  validateHeaderValue(name, String(value));
  return [name, String(value)];
}

function json(status: number, text: string): Answer {
  return { status, headers: [["content-type", "application/json"]], body: Buffer.from(text) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function check(holds: boolean): asserts holds {
  if (!holds) throw new TypeError("not a result of payload format 2.0");
}
