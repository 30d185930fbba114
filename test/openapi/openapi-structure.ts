const named = "^[a-zA-Z0-9._-]+$";
const text = { type: "string", minLength: 1 };
const any = true;

/** An object with these fields, as words, and no others; a field with `!` is required. `types` has schemas of some. */
function object(fields: string, types: Record<string, object> = {}): object {
  const names = fields.split(" ").map((field) => field.replace("!", ""));
  const required = fields.split(" ").flatMap((field) => (field.endsWith("!") ? [field.slice(0, -1)] : []));
  const properties = Object.fromEntries(names.map((name) => [name, types[name] ?? any]));
  return { type: "object", properties, required, additionalProperties: false };
}

function mapOf(value: object, names = named): object {
  return { type: "object", additionalProperties: value, propertyNames: { pattern: names }, minProperties: 1 };
}

const ref = object("$ref!", { $ref: { type: "string", pattern: "^#/components/[a-zA-Z]+/[a-zA-Z0-9._-]+$" } });
const header = object("description required schema!");
const example = object("summary value!");
const content = mapOf(
  object("schema! examples", { examples: mapOf({ anyOf: [ref, example] }) }),
  "^[a-z]+/[a-z0-9.+-]+$",
);
const parameter = object("name! in! required description schema!", { in: { enum: ["path", "query", "header"] } });
const response = object("description! headers content", { headers: mapOf({ anyOf: [ref, header] }), content });
const operation = object("operationId! summary description security! parameters requestBody responses!", {
  operationId: { type: "string", pattern: "^[a-zA-Z]+$" },
  security: { type: "array", items: { type: "object" } },
  parameters: { type: "array", items: parameter },
  requestBody: object("description required content!", { content }),
  responses: mapOf(response, "^[1-5][0-9][0-9]$"),
});
const securityScheme = {
  oneOf: [
    object("type! in! name! description x-amazon-apigateway-authtype", { type: { const: "apiKey" } }),
    object("type! scheme! bearerFormat description", { type: { const: "http" } }),
  ],
};

/** The part of OpenAPI 3.1's own schema that the document uses. It allows no other field. */
export const openApiStructure = object("openapi! info! servers paths! components x-calls", {
  openapi: { type: "string", pattern: String.raw`^3\.1\.\d+$` },
  info: object("title! version! description license", { title: text, version: text }),
  servers: { type: "array", items: object("url! description variables") },
  paths: mapOf(mapOf(operation, "^(get|put|post|delete|options|head|patch|trace)$"), "^/"),
  components: object("schemas examples headers securitySchemes", {
    schemas: mapOf({ type: "object" }),
    examples: mapOf(example),
    headers: mapOf(header),
    securitySchemes: mapOf(securityScheme),
  }),
});
