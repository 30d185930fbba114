import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { callsCaller, keyCaller, synthesise } from "../infra/synth.ts";
import { document, operationsOf, resolve } from "./document.ts";
import { exampleAt, pointerTo } from "./documented-response.ts";
import { faults, validatorAt } from "./validators.ts";
import { openApiStructure } from "./openapi-structure.ts";

const operations = operationsOf(document);
const { "x-calls": calls } = document;
const responses = [...operations].flatMap(([key, operation]) =>
  Object.entries(operation.responses).flatMap(([status, { content }]) =>
    Object.entries(content).map(([type, media]) => ({ key, status, type, media })),
  ),
);

test("the document has exactly the routes of the templates, signed if IAM authorizes them", () => {
  const routes = synthesise({ callers: [keyCaller, callsCaller] }).ofType("AWS::ApiGatewayV2::Route");

  const deployed = routes.map(
    ({ Properties }) => [Properties.RouteKey, Properties.AuthorizationType === "AWS_IAM"] as const,
  );
  const described = [
    ...[...operations].map(([key, { security }]) => [key, security.some((way) => "sigV4" in way)] as const),
    ...calls.methods.map((method) => [`${method} ${calls.path.replace("{path}", "{path+}")}`, false] as const),
  ];
  expect(new Map(described)).toEqual(new Map(deployed));
});

describe("the document", () => {
  const validate = new Ajv2020({ allErrors: true, strictTypes: false }).compile(openApiStructure);

  test("has the structure of OpenAPI 3.1", () => {
    expect(faults(validate, document)).toBe("");
  });

  test("has no reference without a target", () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref ?? "");

    expect(refs.length).toBeGreaterThan(50);
    expect(refs.filter((ref) => resolve(document, ref) === undefined)).toEqual([]);
  });

  test.each([...operations])("declares the path parameters and the security scheme of %s", (key, of) => {
    const inPath = [...key.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const declared = (of.parameters ?? []).filter((parameter) => parameter.in === "path");

    expect(declared.map(({ name }) => name)).toEqual(inPath);
    expect(Object.keys(document.components.securitySchemes)).toEqual(
      expect.arrayContaining(of.security.flatMap((way) => Object.keys(way))),
    );
  });

  test("has one operation for each operationId", () => {
    const ids = [...operations.values()].map(({ operationId }) => operationId);

    expect(new Set(ids).size).toBe(ids.length);
  });
});

test.each(responses)("the examples of $key $status $type match its schema", ({ key, status, type, media }) => {
  const validate = validatorAt(pointerTo(key, status, type));

  const examples = Object.values(media.examples).map(({ $ref }) => exampleAt($ref));

  expect(examples.map((example) => faults(validate, example))).toEqual(examples.map(() => ""));
  expect(examples).not.toHaveLength(0);
});

test.each(Object.entries(calls.responses))(
  "the examples of a call with %s match their schema",
  (status, { content }) => {
    for (const [type, { examples }] of Object.entries(content)) {
      const validate = validatorAt(`#/x-calls/responses/${status}/content/${type.replace("/", "~1")}/schema`);
      for (const { $ref } of Object.values(examples)) expect(faults(validate, exampleAt($ref))).toBe("");
    }
  },
);
