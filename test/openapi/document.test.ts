import { statusOf } from "../../functions/oauth/oauth-response.ts";
import { problems } from "../../functions/auth-core/http/response.ts";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { openApiDocument } from "../../tools/openapi-document.ts";
import { synthesise } from "../infra/synth.ts";
import { document, operationsOf, resolve } from "./document.ts";
import { exampleAt, pointerTo } from "./record.ts";
import { faults, schemaFaults, validatorAt } from "./schemas.ts";
import { openApiStructure } from "./structure.ts";

const operations = operationsOf(document);
const responses = [...operations].flatMap(([key, operation]) =>
  Object.entries(operation.responses).flatMap(([status, { content }]) =>
    Object.entries(content).map(([type, media]) => ({ key, status, type, media })),
  ),
);

test("the document is what the sources say: if not, `npm run openapi` writes it", () => {
  // Formatted or not, but in the same order.
  expect(JSON.stringify(document, null, 2)).toBe(JSON.stringify(openApiDocument(), null, 2));
});

test("the document has exactly the routes of the templates, signed where IAM decides", () => {
  const routes = synthesise().ofType("AWS::ApiGatewayV2::Route");

  const deployed = routes.map(
    ({ Properties }) => [Properties.RouteKey, Properties.AuthorizationType === "AWS_IAM"] as const,
  );
  const described = [...operations].map(
    ([key, { security }]) => [key, security.some((way) => "sigV4" in way)] as const,
  );
  expect(new Map(described)).toEqual(new Map(deployed));
});

describe("as OpenAPI 3.1", () => {
  const validate = new Ajv2020({ allErrors: true, strictTypes: false }).compile(openApiStructure);

  test("its structure is sound", () => {
    expect(faults(validate, document)).toBe("");
  });

  test.each([
    ["an unknown field", "getToken", { operationID: "x" }],
    ["no responses", "getToken", { responses: {} }],
    ["a wrong place of a parameter", "getToken", { parameters: [{ name: "x", in: "body", schema: {} }] }],
  ])("%s would be found", (_, __, fault) => {
    const path = "/v1/connections/{connection}/token";
    const get = { ...document.paths[path]?.["get"], ...fault };

    expect(faults(validate, { ...document, paths: { [path]: { get } } })).not.toBe("");
  });

  test("every reference leads somewhere", () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref ?? "");

    expect(refs.length).toBeGreaterThan(50);
    expect(refs.filter((ref) => resolve(document, ref) === undefined)).toEqual([]);
  });

  test.each([...operations])("%s declares the parameters of its path, and a security scheme that exists", (key, of) => {
    const inPath = [...key.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const declared = (of.parameters ?? []).filter((parameter) => parameter.in === "path");

    expect(declared.map(({ name }) => name)).toEqual(inPath);
    expect(Object.keys(document.components.securitySchemes)).toEqual(
      expect.arrayContaining(of.security.flatMap((way) => Object.keys(way))),
    );
  });

  test("no two operations have one id", () => {
    const ids = [...operations.values()].map(({ operationId }) => operationId);

    expect(new Set(ids).size).toBe(ids.length);
  });

  test.each(Object.entries(document.components.schemas))("%s is a JSON Schema", (_, schema) => {
    expect(schemaFaults(schema)).toBe("");
  });
});

test.each(responses)("the examples of $key $status $type are of its schema", ({ key, status, type, media }) => {
  const validate = validatorAt(pointerTo(key, status, type));

  const examples = Object.values(media.examples).map(({ $ref }) => exampleAt($ref));

  expect(examples.map((example) => faults(validate, example))).toEqual(examples.map(() => ""));
  expect(examples).not.toHaveLength(0);
});

test("every failure there is, in either form, is somewhere documented with its status", () => {
  const examples = responses.flatMap(({ status, media }) =>
    Object.values(media.examples).map(({ $ref }) => ({
      status: Number(status),
      ...(exampleAt($ref) as { code?: string; error?: string }),
    })),
  );

  for (const [code, { status }] of Object.entries(problems)) {
    expect(examples).toContainEqual(expect.objectContaining({ code, status }));
  }
  expect(new Set(examples.map(({ error }) => error).filter(Boolean))).toEqual(new Set(Object.keys(statusOf)));
});
