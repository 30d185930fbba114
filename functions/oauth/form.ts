import type { APIGatewayProxyEventV2 as Event } from "aws-lambda";
import type { OAuthError } from "./oauth-error.ts";

/** Bytes: more than any request of these routes has, and little enough to be parsed by whoever sends it. */
export const maxFormBytes = 16 * 1024;

/** Fields by name, each there once. */
export type Form = Map<string, string>;

/**
 * Reads the body of a request of the vendor's wire or of OAuth: multipart, form-urlencoded or, where `json` is allowed,
 * a flat JSON object. Parsed by the platform's own parser; what it refuses, and every field that is there twice or is a
 * file, is `invalid_request`.
 */
export async function readForm(event: Event, allow: { json: boolean }): Promise<Form | OAuthError> {
  const body = Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "utf8");
  if (body.length > maxFormBytes) return invalid(`the body is larger than ${maxFormBytes} bytes`);
  const contentType = event.headers["content-type"] ?? "";
  const type = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (type === "application/json" && allow.json) return readJson(body);
  if (type === "application/x-www-form-urlencoded") return fromEntries([...new URLSearchParams(body.toString("utf8"))]);
  if (type !== "multipart/form-data") {
    return invalid(
      `Content-Type must be multipart/form-data${allow.json ? ", application/json" : ""} or a urlencoded form`,
    );
  }
  try {
    const headers = { "content-type": withBoundary(contentType, body) };
    const form = await new Response(new Uint8Array(body), { headers }).formData();
    return fromEntries([...form.entries()]);
  } catch {
    return invalid("the body is no multipart form");
  }
}

/**
 * The Content-Type with a boundary. The vendor's own browser example sets the header itself and so sends it without
 * one: it is then what the body's first line says.
 */
function withBoundary(contentType: string, body: Buffer): string {
  if (/;\s*boundary=/i.test(contentType)) return contentType;
  const firstLine = /^--([\w'()+,./:=?-]{1,70})\r?\n/.exec(body.subarray(0, 80).toString("latin1"))?.[1];
  return firstLine === undefined ? contentType : `multipart/form-data; boundary="${firstLine}"`;
}

function readJson(body: Buffer): Form | OAuthError {
  let json: unknown;
  try {
    json = JSON.parse(body.toString("utf8"));
  } catch {
    return invalid("the body is no JSON");
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) return invalid("the body is no JSON object");
  return fromEntries(Object.entries(json));
}

function fromEntries(entries: [name: string, value: unknown][]): Form | OAuthError {
  const form: Form = new Map();
  for (const [name, value] of entries) {
    // A name of somebody else's choosing is not repeated.
    if (form.has(name)) return invalid("a field is there twice");
    if (typeof value !== "string") return invalid("a field is not a text");
    if (value.includes("\uFFFD")) return invalid("a field is not UTF-8");
    form.set(name, value);
  }
  return form;
}

function invalid(description: string): OAuthError {
  return { error: "invalid_request", description };
}
