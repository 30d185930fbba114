import type { APIGatewayProxyEventV2 as Event } from "aws-lambda";
import { maxBodyBytes, readRequestBody } from "@smart-token-broker/auth-core/rules/request-body.ts";
import { type OAuthError, oauthError } from "./oauth-error.ts";

/** Fields by name, each once. */
export interface Form {
  kind: "form";
  fields: ReadonlyMap<string, string>;
}

/**
 * Reads the body of a token request: multipart, form-urlencoded or, if `json` is allowed, a flat JSON object. Uses Node's
 * parser. A body that it rejects, a duplicate field and a file are `invalid_request`.
 */
export async function readForm(event: Event, allow: { json: boolean }): Promise<Form | OAuthError> {
  const body = readRequestBody(event);
  if (!body) return invalid(`The body is too large. Send at most ${maxBodyBytes} bytes.`);
  const contentType = event.headers["content-type"] ?? "";
  const type = contentType.replace(/;.*/, "").trim().toLowerCase();
  if (type === "application/json" && allow.json) return readJson(body);
  if (type === "application/x-www-form-urlencoded") return formOf([...new URLSearchParams(body.toString("utf8"))]);
  if (type !== "multipart/form-data") {
    const types = [
      "multipart/form-data",
      "application/x-www-form-urlencoded",
      ...(allow.json ? ["application/json"] : []),
    ];
    return invalid(`Content-Type must be one of ${types.join(", ")}.`);
  }
  try {
    const headers = { "content-type": withBoundary(contentType, body) };
    const form = await new Response(new Uint8Array(body), { headers }).formData();
    return formOf([...form.entries()]);
  } catch {
    return invalid("The body is not valid multipart/form-data. Send every field as a part with a name.");
  }
}

/**
 * The Content-Type with a boundary. The vendor's browser example sets the header itself and so sends no boundary: then
 * the first line of the body has it.
 */
function withBoundary(contentType: string, body: Buffer): string {
  if (/;\s*boundary=/i.test(contentType)) return contentType;
  const firstLine = /^--([\w'()+,./:=?-]{1,70})\r\n/.exec(body.subarray(0, 80).toString("latin1"))?.[1];
  return firstLine === undefined ? contentType : `multipart/form-data; boundary="${firstLine}"`;
}

function readJson(body: Buffer): Form | OAuthError {
  const wrong = "The body is not a JSON object. Send one with a string in every field.";
  try {
    const text = body.toString("utf8");
    const json: unknown = JSON.parse(text);
    if (typeof json !== "object" || json === null || Array.isArray(json)) return invalid(wrong);
    const form = formOf(Object.entries(json));
    return form.kind === "form" && form.fields.size < membersOf(text) ? duplicate : form;
  } catch {
    return invalid(wrong);
  }
}

/** How many members the text of a JSON object with strings has. The parser keeps only the last of those with one name. */
function membersOf(text: string): number {
  const namesAndValues = text.matchAll(/"(?:[^"\\]|\\.)*"/g);
  return [...namesAndValues].length / 2;
}

/** A description does not repeat a field's name: the sender chose it. */
function formOf(entries: [name: string, value: unknown][]): Form | OAuthError {
  const fields = new Map<string, string>();
  for (const [name, value] of entries) {
    if (fields.has(name)) return duplicate;
    if (typeof value !== "string") return invalid("A field is not a string. Send every field as text.");
    if (value.includes("\uFFFD")) return invalid("A field is not valid UTF-8. Encode the body in UTF-8.");
    fields.set(name, value);
  }
  return { kind: "form", fields };
}

const invalid = (description: string) => oauthError("invalid_request", description);
const duplicate = invalid("Duplicate field. Send every field once.");
