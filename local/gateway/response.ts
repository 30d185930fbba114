import { validateHeaderName, validateHeaderValue } from "node:http";

/** An HTTP response before it is written; header names are in lower case. */
export type Answer = { status: number; headers: [string, string][]; body: Buffer };

const MESSAGES = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  413: "Request Entity Too Large",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
} as const;

interface Result {
  statusCode: unknown;
  headers?: object;
  body?: unknown;
  isBase64Encoded?: unknown;
}

/** A response of the gateway itself: `{"message": "…"}`. */
export function gatewayAnswer(status: keyof typeof MESSAGES): Answer {
  return json(status, JSON.stringify({ message: MESSAGES[status] }));
}

/**
 * The HTTP response of a function's result (payload format 2.0). A result without `statusCode` is the JSON body of a
 * 200; a string is the body itself. A malformed status gives 500. Cookies are not emulated.
 *
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function answerOf(result: unknown): Answer {
  if (typeof result !== "object" || result === null || !("statusCode" in result)) {
    return json(200, typeof result === "string" ? result : JSON.stringify(result ?? null));
  }
  const { statusCode, headers = {}, body = "", isBase64Encoded } = result as Result;
  if (!Number.isInteger(statusCode) || Number(statusCode) < 200 || Number(statusCode) > 599) return gatewayAnswer(500);
  const lines = Object.entries(headers).map(([name, value]): [string, string] => [name.toLowerCase(), String(value)]);
  // An invalid header throws: the caller answers 500, as the gateway does.
  for (const [name, value] of lines) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  }
  return {
    status: Number(statusCode),
    headers: lines,
    body: Buffer.from(String(body), isBase64Encoded === true ? "base64" : "utf8"),
  };
}

function json(status: number, text: string): Answer {
  return { status, headers: [["content-type", "application/json"]], body: Buffer.from(text) };
}
