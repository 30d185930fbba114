import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { tokenEvent } from "../../fixtures/token-event.ts";

/** Headers and body of a request. */
export interface Sent {
  headers: Record<string, string>;
  body: Buffer;
}

const crlf = "\r\n";

/** Multipart as curl sends it: quoted names, a boundary without quotes. */
export function multipart(fields: [name: string, value: string | Buffer][], boundary = "fake-boundary"): Sent {
  const parts = fields.map(([name, value]) =>
    part(boundary, [`Content-Disposition: form-data; name="${name}"`], value),
  );
  return multipartOf(`multipart/form-data; boundary=${boundary}`, boundary, parts);
}

/** Multipart as .NET's MultipartFormDataContent sends it: a quoted boundary, names without quotes. */
export function dotnetMultipart(fields: Record<string, string>): Sent {
  const boundary = "3f2b8a52-fa4e-4a0e-9d4c-000000000001";
  const parts = Object.entries(fields).map(([name, value]) =>
    part(boundary, ["Content-Type: text/plain; charset=utf-8", `Content-Disposition: form-data; name=${name}`], value),
  );
  return multipartOf(`multipart/form-data; boundary="${boundary}"`, boundary, parts);
}

/** One part with its headers. */
export function part(boundary: string, headers: string[], value: string | Buffer): Buffer {
  const head = [`--${boundary}`, ...headers, "", ""].join(crlf);
  return Buffer.concat([Buffer.from(head), Buffer.from(value), Buffer.from(crlf)]);
}

export function multipartOf(contentType: string, boundary: string, parts: Buffer[]): Sent {
  return {
    headers: { "content-type": contentType },
    body: Buffer.concat([...parts, Buffer.from(`--${boundary}--${crlf}`)]),
  };
}

export function urlencoded(fields: Record<string, string> | [string, string][]): Sent {
  return {
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: Buffer.from(new URLSearchParams(fields).toString()),
  };
}

export function json(value: unknown): Sent {
  return { headers: { "content-type": "application/json" }, body: Buffer.from(JSON.stringify(value)) };
}

/** The event of an HTTP API without authorizer (payload format 2.0): JSON as text, other bodies in base64. */
export function eventOf(routeKey: string, { headers, body }: Sent): APIGatewayProxyEventV2 {
  const [method = "", path = ""] = routeKey.split(" ");
  const isText = /^application\/json/i.test(headers["content-type"] ?? "");
  const { pathParameters: _, body: __, requestContext, ...event } = tokenEvent("none", { rawPath: path });
  const { authorizer: ___, http, ...context } = requestContext;
  return {
    ...event,
    routeKey,
    headers: { host: context.domainName, ...headers },
    requestContext: { ...context, routeKey, http: { ...http, method } },
    ...(body.length > 0 && { body: body.toString(isText ? "utf8" : "base64") }),
    isBase64Encoded: body.length > 0 && !isText,
  };
}
