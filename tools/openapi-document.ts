import { readFileSync } from "node:fs";
import { type Answer, callAnswers, headerMeanings } from "./openapi-answers.ts";
import { calls, routes } from "./openapi-routes.ts";
import { schemas } from "./openapi-schemas.ts";

const { version, license } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
  license: string;
};

/** The HTTP contract as an OpenAPI 3.1 document. The same sources always give the same document. */
export function openApiDocument(): object {
  const examples: Examples = new Map();
  const paths: Record<string, Record<string, object>> = {};
  for (const { key, answers, ...operation } of routes) {
    const [method = "", path = ""] = key.split(" ");
    const responses = responsesOf(answers, examples, operation.operationId);
    paths[path] = { ...paths[path], [method.toLowerCase()]: { ...operation, responses } };
  }
  const callResponses = responsesOf(callAnswers(), examples, "call");
  return {
    openapi: "3.1.0",
    info: {
      title: "Smart Token Broker",
      version,
      description:
        "Serves valid access tokens for TeamSystem Smart Services. Services on AWS sign their requests; other callers send a caller key or a JWT. API Gateway returns its own errors in the form `GatewayError`: clients must handle both forms.",
      license: { name: license, identifier: license },
    },
    servers: [
      {
        url: "https://{apiId}.execute-api.{region}.amazonaws.com",
        description: "The stack's output Url.",
        variables: { apiId: { default: "API_ID" }, region: { default: "eu-south-1" } },
      },
    ],
    paths,
    "x-calls": { ...calls, responses: callResponses },
    components: {
      securitySchemes: {
        sigV4: {
          type: "apiKey",
          in: "header",
          name: "Authorization",
          description:
            "AWS Signature Version 4, service `execute-api`. IAM decides which connections a caller may use.",
          "x-amazon-apigateway-authtype": "awsSigv4",
        },
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "A caller key, or a JWT of a trusted issuer. For calls only.",
        },
        basic: {
          type: "http",
          scheme: "basic",
          description: "The caller's name and its caller key, each form-urlencoded (RFC 6749 §2.3.1).",
        },
      },
      headers: Object.fromEntries(
        Object.entries(headerMeanings).map(([name, description]) => [
          name,
          { description, schema: name === "Retry-After" ? { type: "integer", minimum: 1 } : { type: "string" } },
        ]),
      ),
      schemas,
      examples: Object.fromEntries(examples),
    },
  };
}

type Examples = Map<string, { summary: string; value: object }>;

function responsesOf(answers: Answer[], examples: Examples, operationId: string): Record<string, object> {
  const byStatus = Map.groupBy(answers, ({ status }) => status);
  return Object.fromEntries(
    [...byStatus].map(([status, all]) => {
      const headers = [...new Set(all.flatMap((answer) => answer.headers))];
      const byType = Map.groupBy(all, ({ type }) => type);
      return [
        status,
        {
          description: all
            .map(({ name, meaning }) => (all.length === 1 ? meaning : `\`${name}\`: ${meaning}`))
            .join("\n"),
          ...(headers.length > 0 && {
            headers: Object.fromEntries(headers.map((name) => [name, ref("headers", name)])),
          }),
          content: Object.fromEntries(
            [...byType].map(([type, each]) => [type, mediaType(each, examples, operationId)]),
          ),
        },
      ];
    }),
  );
}

function mediaType(answers: Answer[], examples: Examples, operationId: string): object {
  const refs = [...new Set(answers.map(({ schema }) => schema))].map((name) => ref("schemas", name));
  return {
    schema: refs.length === 1 ? refs[0] : { anyOf: refs },
    examples: Object.fromEntries(
      answers.map((answer) => [answer.name, ref("examples", addExample(answer, examples, operationId))]),
    ),
  };
}

/** Adds an example and returns its name. Routes share an example, unless it differs. */
function addExample({ schema, name, status, meaning, body }: Answer, examples: Examples, operationId: string): string {
  const example = { summary: meaning, value: body };
  const shared = schema === "GatewayError" ? `${schema}.${status}` : `${schema}.${name}`;
  const isOther = examples.has(shared) && JSON.stringify(examples.get(shared)) !== JSON.stringify(example);
  const key = isOther ? `${shared}.${operationId}` : shared;
  examples.set(key, example);
  return key;
}

function ref(kind: "schemas" | "examples" | "headers", name: string): object {
  return { $ref: `#/components/${kind}/${name}` };
}
