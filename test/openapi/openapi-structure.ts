/** The part of OpenAPI 3.1's own schema that the document uses: a field that is not in it is a fault. */
const text = { type: "string", minLength: 1 };
const ref = object({ $ref: { type: "string", pattern: "^#/components/[a-zA-Z]+/[a-zA-Z0-9._-]+$" } }, ["$ref"]);
const schema = { type: ["object", "boolean"] };

function object(properties: object, required: string[] = []): object {
  return { type: "object", properties, required, additionalProperties: false };
}

function mapOf(value: object, names?: string): object {
  return { type: "object", additionalProperties: value, ...(names && { propertyNames: { pattern: names } }) };
}

const named = "^[a-zA-Z0-9._-]+$";
const header = object({ description: text, required: { type: "boolean" }, schema }, ["schema"]);
const example = object({ summary: text, value: true }, ["value"]);
const media = object({ schema, examples: mapOf({ anyOf: [ref, example] }) }, ["schema"]);
const content = { ...mapOf(media, "^[a-z]+/[a-z0-9.+-]+$"), minProperties: 1 };

const parameter = object(
  {
    name: text,
    in: { enum: ["path", "query", "header", "cookie"] },
    required: { type: "boolean" },
    description: text,
    schema,
  },
  ["name", "in", "schema"],
);

const response = object({ description: text, headers: mapOf({ anyOf: [ref, header] }), content }, ["description"]);

const operation = object(
  {
    operationId: { type: "string", pattern: "^[a-zA-Z]+$" },
    summary: text,
    description: text,
    security: { type: "array", items: mapOf({ type: "array", items: text }, named) },
    parameters: { type: "array", items: parameter },
    requestBody: object({ description: text, required: { type: "boolean" }, content }, ["content"]),
    responses: { ...mapOf(response, "^[1-5][0-9][0-9]$"), minProperties: 1 },
  },
  ["operationId", "security", "responses"],
);

const securityScheme = {
  oneOf: [
    object(
      {
        type: { const: "apiKey" },
        in: { enum: ["query", "header", "cookie"] },
        name: text,
        description: text,
        "x-amazon-apigateway-authtype": text,
      },
      ["type", "in", "name"],
    ),
    object({ type: { const: "http" }, scheme: text, bearerFormat: text, description: text }, ["type", "scheme"]),
  ],
};

const server = object(
  { url: text, description: text, variables: mapOf(object({ default: text, description: text }, ["default"])) },
  ["url"],
);

export const openApiStructure = object(
  {
    openapi: { type: "string", pattern: String.raw`^3\.1\.\d+$` },
    info: object(
      {
        title: text,
        version: text,
        description: text,
        license: object({ name: text, identifier: text }, ["name"]),
      },
      ["title", "version"],
    ),
    servers: { type: "array", items: server },
    paths: mapOf({ ...mapOf(operation, "^(get|put|post|delete|options|head|patch|trace)$"), minProperties: 1 }, "^/"),
    components: object({
      schemas: mapOf(schema, named),
      examples: mapOf(example, named),
      headers: mapOf(header, named),
      securitySchemes: mapOf(securityScheme, named),
    }),
  },
  ["openapi", "info", "paths"],
);
