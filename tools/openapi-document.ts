import { readFileSync } from "node:fs";
import { type Answer, headerMeanings } from "./openapi-answers.ts";
import { type Route, routes } from "./openapi-routes.ts";
import { schemas } from "./openapi-schemas.ts";

/** The whole HTTP contract as an OpenAPI 3.1 document. The same sources always give the same document. */
export function openApiDocument(): object {
  const { version, license } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
    license: string;
  };
  const answers = routes.flatMap((route) => route.answers);
  return {
    openapi: "3.1.0",
    info: {
      title: "Smart Token Broker",
      version,
      description:
        "Hands out access tokens for TeamSystem Smart Services that are valid now. Services on AWS sign their requests; everyone else shows a caller key or a JWT. Some errors are the gateway's own: those are `GatewayError`, and a client has to understand both forms.",
      license: { name: license, identifier: license },
    },
    servers: [
      {
        url: "https://{apiId}.execute-api.{region}.amazonaws.com",
        description: "The output Url of the stack.",
        variables: { apiId: { default: "API_ID" }, region: { default: "eu-south-1" } },
      },
    ],
    paths: pathsOf(routes),
    components: {
      securitySchemes: {
        sigV4: {
          type: "apiKey",
          in: "header",
          name: "Authorization",
          description: "AWS Signature Version 4, service `execute-api`. IAM decides who may ask for which connection.",
          "x-amazon-apigateway-authtype": "awsSigv4",
        },
        basic: {
          type: "http",
          scheme: "basic",
          description: "The caller's name and its caller key, both form-urlencoded first (RFC 6749 §2.3.1).",
        },
      },
      headers: Object.fromEntries(
        Object.entries(headerMeanings).map(([name, description]) => [
          name,
          { description, schema: name === "Retry-After" ? { type: "integer", minimum: 1 } : { type: "string" } },
        ]),
      ),
      schemas,
      examples: Object.fromEntries(
        answers.map((answer) => [exampleName(answer), { summary: answer.meaning, value: answer.body }]),
      ),
    },
  };
}

function pathsOf(all: Route[]): Record<string, Record<string, object>> {
  const paths: Record<string, Record<string, object>> = {};
  for (const { key, answers, ...operation } of all) {
    const [method = "", path = ""] = key.split(" ");
    paths[path] = { ...paths[path], [method.toLowerCase()]: { ...operation, responses: responsesOf(answers) } };
  }
  return paths;
}

function responsesOf(answers: Answer[]): Record<string, object> {
  const byStatus = Map.groupBy(answers, ({ status }) => status);
  return Object.fromEntries(
    [...byStatus].map(([status, all]) => {
      const headers = new Set(all.flatMap((answer) => answer.headers));
      const byType = Map.groupBy(all, ({ type }) => type);
      return [
        status,
        {
          description: all
            .map(({ name, meaning }) => (all.length === 1 ? meaning : `\`${name}\`: ${meaning}`))
            .join("\n"),
          ...(headers.size > 0 && {
            headers: Object.fromEntries([...headers].map((name) => [name, ref("headers", name)])),
          }),
          content: Object.fromEntries([...byType].map(([type, each]) => [type, mediaType(each)])),
        },
      ];
    }),
  );
}

function mediaType(answers: Answer[]): object {
  const refs = [...new Set(answers.map(({ schema }) => schema))].map((name) => ref("schemas", name));
  return {
    schema: refs.length === 1 ? refs[0] : { anyOf: refs },
    examples: Object.fromEntries(answers.map((answer) => [answer.name, ref("examples", exampleName(answer))])),
  };
}

function exampleName({ schema, name, status }: Answer): string {
  return schema === "GatewayError" ? `GatewayError.${status}` : `${schema}.${name}`;
}

function ref(kind: "schemas" | "examples" | "headers", name: string): object {
  return { $ref: `#/components/${kind}/${name}` };
}
