import { callerKinds, callerSchema } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import { registrationSchema } from "@smart-token-broker/auth-core/rules/upstream/registration.ts";
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
    // What a function checks: whether a text is a URL.
    return valibotAction.type === "check" ? jsonSchema : undefined;
  },
};

/** The rules between the fields of an entry, which `parseCallers` checks after its schema. */
const rulesOfEntry: JsonSchema = {
  oneOf: Object.keys(callerKinds).map((field) => ({ required: [field] })),
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
  return {
    $schema,
    title: "Callers of Smart Token Broker",
    ...schema,
    $defs: { caller: { ...($defs?.["caller"] as JsonSchema), ...rulesOfEntry } },
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

const registrationFields = {
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

export function described(schema: JsonSchema, fields: Record<string, string>): JsonSchema {
  const properties = Object.entries(schema.properties ?? {}).map(([field, property]) => {
    const description = fields[field];
    if (typeof property !== "object" || description === undefined) throw new Error(`Describe the field ${field}.`);
    return [field, { description, ...property }] as const;
  });
  return { ...schema, properties: Object.fromEntries(properties) };
}
