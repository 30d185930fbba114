import { statusQuery } from "@smart-token-broker/status/rules/status-request.ts";
import { rejectedTokenBody, tokenQuery } from "@smart-token-broker/token/rules/token-request.ts";
import {
  accessTokenType,
  jwtBearer,
  subjectTokenTypes,
  tokenExchange,
} from "@smart-token-broker/oauth/rules/grant-request.ts";
import { type ConversionConfig, toJsonSchema } from "@valibot/to-json-schema";

/** JSON Schema, as OpenAPI 3.1 has it. */
export type Schema = Record<string, unknown>;

type Convertible = Parameters<typeof toJsonSchema>[0];

function convert(schema: Convertible, typeMode: NonNullable<ConversionConfig["typeMode"]>): Schema {
  // Callers do not need to know how the broker normalises a value.
  const ignoreActions = ["to_lower_case"];
  const { $schema: _, ...converted } = toJsonSchema(schema, { target: "draft-2020-12", typeMode, ignoreActions });
  return converted;
}

/** Query parameters of `GET …/token`, from the schema that the handler uses, as the numbers that it parses. */
export const tokenParameters = Object.entries(
  convert(tokenQuery, "output")["properties"] as Record<string, Schema>,
).map(([name, schema]) => ({
  name,
  in: "query",
  description: "Minimum remaining time of the token in seconds, limited to 40 % of its lifetime.",
  schema: { ...schema, default: Number(schema["default"]) },
}));

/** Query parameters of `GET /v1/status`, from its schema. */
export const statusParameters = Object.entries(
  convert(statusQuery, "output")["properties"] as Record<string, Schema>,
).map(([name, schema]) => ({
  name,
  in: "query",
  description:
    name === "limit" ? "Maximum number of connections in a page." : "The `next_cursor` of the previous page.",
  schema: name === "limit" ? { ...schema, default: Number(schema["default"]) } : schema,
}));

/** Body of `POST …/token`. */
export const rejectedToken = {
  description: "The SHA-256, in hex, of the access token that Smart Services rejected.",
  ...convert(rejectedTokenBody, "input"),
};

const rejected = {
  rejected_token_sha256: {
    ...(rejectedToken as { properties?: Record<string, Schema> }).properties?.["rejected_token_sha256"],
    description: "SHA-256, in hex, of an access token that Smart Services rejected. The response has another one.",
  },
};
const scope = { type: "string", description: "A connection's id, or the vendor's scope." };
const secret = { type: "string", format: "password" };

/** Body of `POST /api/v1/auth/token`. */
export const vendorTokenRequest = {
  type: "object",
  description: "The vendor's form, with the caller's credential in place of the API key.",
  properties: {
    username: { type: "string", minLength: 1, description: "The registered username." },
    scope: { ...scope, minLength: 1 },
    token: {
      ...secret,
      pattern: String.raw`^\s*[Bb][Ee][Aa][Rr][Ee][Rr] +[\x21-\x7e]+\s*$`,
      description: "`Bearer` and a caller key or a JWT of a trusted issuer.",
    },
    ...rejected,
  },
  required: ["username", "scope", "token"],
};

/** Client authentication in the body. The third method is the Authorization header. */
const client = {
  client_id: {
    type: "string",
    minLength: 1,
    description:
      "The caller's name. With a JWT, it can also be the audience, or the JWT's `sub`, `azp` or `client_id`.",
  },
  client_secret: { ...secret, description: "A caller key." },
  client_assertion: { ...secret, description: "A JWT of a trusted issuer (RFC 7523)." },
  client_assertion_type: { const: jwtBearer },
};
const clientRules = {
  dependentRequired: {
    client_secret: ["client_id"],
    client_assertion: ["client_assertion_type"],
    client_assertion_type: ["client_assertion"],
  },
};
const twoMethods = { required: ["client_secret", "client_assertion"] };
const neither = (...fields: string[]) => ({
  not: { anyOf: [twoMethods, ...fields.map((field) => ({ required: [field] }))] },
});

/** Body of `POST /oauth/token`: one of the grants. */
export const oauthTokenRequest = {
  oneOf: [
    {
      type: "object",
      title: "Client credentials (RFC 6749 §4.4)",
      description: "The client authenticates with one of the Authorization header, client_secret and client_assertion.",
      properties: {
        grant_type: { const: "client_credentials" },
        ...client,
        scope,
        ...rejected,
      },
      required: ["grant_type"],
      ...clientRules,
      ...neither("refresh_token", "subject_token"),
    },
    {
      type: "object",
      title: "Refresh token (RFC 6749 §6)",
      description: "Client authentication is optional. If it is sent, it must be that of the refresh token's caller.",
      properties: {
        grant_type: { const: "refresh_token" },
        refresh_token: {
          ...secret,
          description: "The refresh_token of an earlier response of `POST /api/v1/auth/token`.",
        },
        ...client,
        scope: { ...scope, description: "If present, it must name the connection of the refresh token." },
        ...rejected,
      },
      required: ["grant_type", "refresh_token"],
      ...clientRules,
      ...neither("subject_token"),
    },
    {
      type: "object",
      title: "Token exchange (RFC 8693)",
      description: "Client authentication is optional. If it is sent, it must be valid.",
      properties: {
        grant_type: { const: tokenExchange },
        subject_token: { ...secret, minLength: 1, description: "A JWT of a trusted issuer: a user's or a workload's." },
        subject_token_type: { enum: [...subjectTokenTypes] },
        requested_token_type: { const: accessTokenType },
        ...client,
        scope,
        ...rejected,
      },
      required: ["grant_type", "subject_token", "subject_token_type"],
      ...clientRules,
      ...neither("actor_token", "actor_token_type", "refresh_token"),
    },
  ],
};
