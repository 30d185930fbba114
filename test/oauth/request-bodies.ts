import { randomUUID } from "node:crypto";
import type { APIGatewayProxyEventV2 } from "aws-lambda";

/** A request as a client puts it on the wire. */
export interface Sent {
  headers: Record<string, string>;
  body: Buffer;
}

const crlf = "\r\n";

/** Multipart, in the words of Debian's curl: quoted names, a boundary without quotes. */
export function multipart(fields: [name: string, value: string | Buffer][], boundary = "fake-boundary"): Sent {
  const parts = fields.map(([name, value]) =>
    part(boundary, [`Content-Disposition: form-data; name="${name}"`], value),
  );
  return multipartOf(`multipart/form-data; boundary=${boundary}`, boundary, parts);
}

/** Multipart, in the words of .NET's MultipartFormDataContent: a quoted boundary, and names without quotes. */
export function dotnetMultipart(fields: Record<string, string>): Sent {
  const boundary = "3f2b8a52-fa4e-4a0e-9d4c-000000000001";
  const parts = Object.entries(fields).map(([name, value]) =>
    part(boundary, ["Content-Type: text/plain; charset=utf-8", `Content-Disposition: form-data; name=${name}`], value),
  );
  return multipartOf(`multipart/form-data; boundary="${boundary}"`, boundary, parts);
}

/** One part, with its headers. */
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

/** The event that an HTTP API makes of it (payload format 2.0): JSON as text, all else in base64. */
export function eventOf(routeKey: string, { headers, body }: Sent): APIGatewayProxyEventV2 {
  const [method = "", path = ""] = routeKey.split(" ");
  const isText = /^application\/json/i.test(headers["content-type"] ?? "");
  const domainName = "fakeapi.execute-api.eu-south-1.amazonaws.com";
  return {
    version: "2.0",
    routeKey,
    rawPath: path,
    rawQueryString: "",
    headers: { host: domainName, ...headers },
    requestContext: {
      accountId: "123456789012",
      apiId: "fakeapi",
      domainName,
      domainPrefix: "fakeapi",
      http: { method, path, protocol: "HTTP/1.1", sourceIp: "192.0.2.1", userAgent: "test" },
      requestId: randomUUID(),
      routeKey,
      stage: "$default",
      time: "24/Nov/2026:07:00:00 +0000",
      timeEpoch: 1_795_503_600_000,
    },
    ...(body.length > 0 && { body: body.toString(isText ? "utf8" : "base64") }),
    isBase64Encoded: body.length > 0 && !isText,
  };
}
