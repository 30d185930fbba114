import { readFileSync } from "node:fs";

interface Media {
  schema: object;
  examples: Record<string, { $ref: string }>;
}

export interface Operation {
  operationId: string;
  security: Record<string, unknown>[];
  parameters?: { name: string; in: string; schema: object }[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, { headers?: object; content: Record<string, Media> }>;
}

export interface Document {
  paths: Record<string, Record<string, Operation>>;
  "x-calls": Pick<Operation, "responses" | "security" | "parameters"> & { path: string; methods: string[] };
  components: { schemas: Record<string, object>; securitySchemes: object; headers: object };
}

/** `docs/openapi.json`. */
export const document = JSON.parse(
  readFileSync(new URL("../../docs/openapi.json", import.meta.url), "utf8"),
) as Document;

/** Every operation of a document, by `METHOD path`. */
export function operationsOf({ paths }: Document): Map<string, Operation> {
  return new Map(
    Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
    ),
  );
}

/** The target of `#/a/b` in a document, or undefined. */
export function resolve(of: object, pointer: string): unknown {
  const steps = pointer.replace(/^#\//, "").split("/");
  return steps.reduce<unknown>(
    (value, step) => (value as Record<string, unknown> | undefined)?.[step.replaceAll("~1", "/").replaceAll("~0", "~")],
    of,
  );
}
