import * as v from "valibot";
import { credentialFingerprint, fingerprint } from "../fingerprint.ts";
import { brokenUrlRule, type UrlOptions } from "../https-url.ts";
import { maxAcceptedLifetime } from "../tokens/lifetimes.ts";
import { maxNameLength } from "../name-length.ts";
import { Secret } from "../secret.ts";
import { unknownName } from "../unknown-name.ts";

/** The parsed value of a connection's secret. */
export interface Registration {
  username: string;
  scope: string;
  apiKey: Secret;
  /** Of the token endpoints, without a trailing slash. */
  baseUrl: string;
  /** Of the business API, where the token is used: by callers, or by the broker for calls. */
  apiBaseUrl?: string;
  language: string;
  /** Seconds. Limits the lifetime that upstream states. */
  maxLifetime?: number;
  singleActiveToken: boolean;
  /** URL that issues and revokes API keys; see docs/key-issuer.md. */
  keyIssuer?: string;
  /** The issuer's id of the key. */
  apiKeyId?: string;
  keyFingerprint: string;
  credentialFingerprint: string;
}

export type ParsedRegistration =
  | { kind: "registered"; registration: Registration; warnings: string[] }
  /** `unreadable`: the value could not be read; it may be valid. */
  | { kind: "not_ready"; detail: string; unreadable?: true };

/** The longest value that Secrets Manager stores, in bytes. A text never has more characters than bytes. */
const maxSecretLength = 64 * 1024;

const line = (field: string) =>
  v.pipe(
    v.string(`${field} must be a string`),
    v.minLength(1, `${field} is empty`),
    v.maxLength(maxNameLength, `${field} is longer than ${maxNameLength} characters`),
    // Half a surrogate pair is no Unicode text: neither the table nor the form of Smart Services can hold it.
    v.regex(/^[^\p{Cc}\p{Cs}]*$/u, `${field} contains a line break, another control character or invalid Unicode`),
  );

/** An API key may be copied with the word `Bearer` of its header. */
export const withoutBearer = (text: string) => text.replace(/^Bearer +/i, "");

const apiKey = v.pipe(
  v.string("apiKey must be a string"),
  v.transform(withoutBearer),
  v.minLength(1, "apiKey is empty"),
  v.maxLength(8192, "apiKey is longer than 8 KiB"),
  v.regex(/^[\x21-\x7e]*$/, "apiKey contains a space, a line break or a character that is not visible ASCII"),
);

/** The value of a connection's secret. */
export const registrationSchema = v.object({
  /** For editors: docs/registration.schema.json. */
  $schema: v.optional(v.string("$schema must be a string")),
  username: line("username"),
  scope: line("scope"),
  apiKey,
  baseUrl: v.optional(v.string("baseUrl must be a string")),
  apiBaseUrl: v.optional(v.string("apiBaseUrl must be a string")),
  language: v.optional(
    v.pipe(
      v.string("language must be a string"),
      v.maxLength(256, "language is longer than 256 characters"),
      v.regex(/^[A-Za-z0-9,;=.*-]+( [A-Za-z0-9,;=.*-]+)*$/, "language must be a value of Accept-Language, like it-IT"),
    ),
    "it-IT",
  ),
  maxLifetime: v.optional(
    v.pipe(
      v.number("maxLifetime must be a number of seconds"),
      v.integer("maxLifetime must be a whole number of seconds"),
      v.minValue(1, "maxLifetime must be at least 1 second"),
      v.maxValue(maxAcceptedLifetime, `maxLifetime must be at most ${maxAcceptedLifetime} seconds (7 days)`),
    ),
  ),
  singleActiveToken: v.optional(v.boolean("singleActiveToken must be true or false"), false),
  keyIssuer: v.optional(v.string("keyIssuer must be a string")),
  apiKeyId: v.optional(line("apiKeyId")),
});

const knownFields = new Set(Object.keys(registrationSchema.entries));

/**
 * Parses the text of a secret. Never throws and never repeats a value: `detail` names the field, as part of a sentence.
 * Does not check the credentials with upstream.
 */
export function parseRegistration(text: string, options: { defaultBaseUrl: string } & UrlOptions): ParsedRegistration {
  if (text.length > maxSecretLength) return { kind: "not_ready", detail: "the secret's value is longer than 64 KiB" };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The message of the parser would quote the key.
    return { kind: "not_ready", detail: "the secret's value is not JSON" };
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    return { kind: "not_ready", detail: "the secret's value is not a JSON object" };
  }
  for (const field of ["username", "scope", "apiKey"]) {
    if (!Object.hasOwn(json, field)) return { kind: "not_ready", detail: `the secret has no field ${field}` };
  }
  const parsed = v.safeParse(registrationSchema, json, { abortEarly: true });
  if (!parsed.success) return { kind: "not_ready", detail: `the secret's field ${parsed.issues[0].message}` };

  const fields = parsed.output;
  const { baseUrl = options.defaultBaseUrl, apiBaseUrl, keyIssuer } = fields;
  for (const [field, url] of Object.entries({ baseUrl, apiBaseUrl, keyIssuer })) {
    const rule = url === undefined ? undefined : brokenUrlRule(url, options);
    if (rule) return { kind: "not_ready", detail: `the secret's field ${field} ${rule}` };
  }

  const names = Object.keys(json);
  const key = new Secret(fields.apiKey);
  const credentials = {
    baseUrl: withoutTrailingSlash(baseUrl),
    username: fields.username,
    scope: fields.scope,
    apiKey: key,
  };
  return {
    kind: "registered",
    registration: {
      ...credentials,
      ...(apiBaseUrl !== undefined && { apiBaseUrl: withoutTrailingSlash(apiBaseUrl) }),
      language: fields.language,
      ...(fields.maxLifetime !== undefined && { maxLifetime: fields.maxLifetime }),
      singleActiveToken: fields.singleActiveToken,
      ...(keyIssuer !== undefined && { keyIssuer: withoutTrailingSlash(keyIssuer) }),
      ...(fields.apiKeyId !== undefined && { apiKeyId: fields.apiKeyId }),
      keyFingerprint: fingerprint(key),
      credentialFingerprint: credentialFingerprint(credentials),
    },
    warnings: unknownFields(names),
  };
}

/** Each warning is a log line at every replacement. */
const maxWarnings = 10;

function unknownFields(names: string[]): string[] {
  const unknown = names.filter((field) => !knownFields.has(field));
  const more = unknown.length - maxWarnings;
  return [
    ...unknown
      .slice(0, maxWarnings)
      .map((field) => `the secret's field ${unknownName(field, names)} is unknown and ignored`),
    ...(more > 0 ? [`the secret has ${more} more unknown fields, which are ignored`] : []),
  ];
}

function withoutTrailingSlash(text: string): string {
  const { origin, pathname } = new URL(text);
  let end = pathname.length;
  // Not a regular expression: /\/+$/ takes quadratic time for many slashes before another character.
  while (pathname[end - 1] === "/") end -= 1;
  return origin + pathname.slice(0, end);
}
