import { callerSchema } from "@smart-token-broker/auth-core/rules/caller-schema.ts";
import { registrationSchema } from "@smart-token-broker/auth-core/rules/registration.ts";
import { type ConversionConfig, toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";

export type JsonSchema = ReturnType<typeof toJsonSchema>;

export const config: ConversionConfig = {
  // Most editors support this draft.
  target: "draft-07",
  // What a person writes, before the broker normalises it.
  typeMode: "input",
  overrideAction({ valibotAction, jsonSchema }) {
    // The only check of this kind: no duplicate item.
    if (valibotAction.type === "check_items") return { ...jsonSchema, uniqueItems: true };
    // JSON Schema has no flags; its patterns are always Unicode.
    if (valibotAction.type === "regex" && "requirement" in valibotAction) {
      return { ...jsonSchema, pattern: (valibotAction.requirement as RegExp).source };
    }
    return undefined;
  },
};

/** The rules between the fields of an entry, which `parseCallers` checks after its schema. */
const rulesOfEntry: JsonSchema = {
  oneOf: [{ required: ["principal"] }, { required: ["keySha256"] }, { required: ["oidc"] }],
  anyOf: [
    { required: ["connections"] },
    { required: ["oidc"], properties: { oidc: { required: ["connectionsClaim"] } } },
  ],
  if: { required: ["origins"], properties: { origins: { minItems: 1 } } },
  // oxlint-disable-next-line unicorn/no-thenable -- JSON Schema's keyword
  then: { required: ["oidc"] },
};

const list = v.array(callerSchema);
export const schemaField = v.optional(v.pipe(v.string(), v.description("This JSON Schema, for editors.")));

/** The JSON Schema of the list of callers. The synthesis checks more: the issuer, and whether strangers' JWTs match. */
export function callersJsonSchema(): JsonSchema {
  const { $schema, $defs, ...schema } = toJsonSchema(
    v.union([list, v.strictObject({ $schema: schemaField, callers: list })]),
    { ...config, definitions: { caller: callerSchema } },
  );
  const caller = described($defs?.["caller"] as JsonSchema, callerFields);
  return {
    $schema,
    title: "Callers of Smart Token Broker",
    ...schema,
    $defs: { caller: { ...caller, ...rulesOfEntry } },
  };
}

/** The JSON Schema of a registration: the value of a connection's secret. */
export function registrationJsonSchema(): JsonSchema {
  const { $schema, ...schema } = toJsonSchema(registrationSchema, config);
  return {
    $schema,
    title: "Registration of a connection of Smart Token Broker",
    ...described(schema, registrationFields),
    // The broker ignores an unknown field with a warning; an editor marks it.
    additionalProperties: false,
  };
}

/** Field → its description, or those of its own fields. */
interface Descriptions {
  [field: string]: string | Descriptions;
}

const callerFields: Descriptions = {
  name: "Unique. The log names the caller by it, and it is the client_id of a caller key.",
  connections: "Ids that this caller may use. Optional with oidc.connectionsClaim.",
  principal: "ARN of an AWS role or account, or the account's 12 digits.",
  keySha256: "SHA-256 of the caller key, and of its replacement.",
  oidc: {
    issuer: "https URL, exactly as in the JWT's iss.",
    audience: "The JWT's aud, or one of its members.",
    claims: "Claim → its value, or a prefix that ends in :* or /*. All are required.",
    connectionsClaim: "Claim that lists the connections of this JWT's user.",
    maxLifetime: "Seconds. A JWT that lives longer is rejected.",
  },
  origins: "Origins of the web pages that may use this entry, like https://portal.example.com.",
};

const registrationFields: Descriptions = {
  $schema: "This JSON Schema, for editors.",
  username: "As the vendor gave it.",
  scope: "As the vendor gave it.",
  apiKey: "The API key. A leading Bearer is ignored.",
  baseUrl: "https URL of the token endpoints.",
  apiBaseUrl: "https URL of the business API. Callers get it as api_base_url.",
  language: "accept-language header for Smart Services.",
  maxLifetime: "Upper bound in seconds for the lifetime that Smart Services states.",
  singleActiveToken: "true if a new token invalidates the previous one.",
  keyIssuer: "https URL that issues and revokes API keys.",
  apiKeyId: "The issuer's id of the API key.",
};

export function described(schema: JsonSchema, fields: Descriptions): JsonSchema {
  const properties = Object.entries(schema.properties ?? {}).map(([field, property]) => {
    const text = fields[field];
    if (typeof property !== "object" || text === undefined) throw new Error(`Describe the field ${field}.`);
    return [field, typeof text === "string" ? { description: text, ...property } : described(property, text)] as const;
  });
  return { ...schema, properties: Object.fromEntries(properties) };
}
