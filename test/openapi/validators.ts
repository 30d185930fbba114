import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { document } from "./document.ts";

const ids = { answers: "https://example.com/closed.json", requests: "https://example.com/openapi.json" };
const ajv = new Ajv2020({
  // The whole document is one schema to it, and a `required` is allowed to stand in a `not` alone.
  strict: false,
  allErrors: true,
  formats: {
    uri: (text: string) => URL.canParse(text),
    "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
    password: true,
  },
});
ajv.addSchema({ ...closed(document), $id: ids.answers });
ajv.addSchema({ ...document, $id: ids.requests });

/** The validator of the schema at `#/…` of the document. Answers have no field but those that are documented. */
export function validatorAt(pointer: string, of: keyof typeof ids = "answers"): ValidateFunction {
  return ajv.compile({ $ref: ids[of] + encodeURI(pointer) });
}

/** What a validator finds wrong with a value, as text; empty where it is valid. */
export function faults(validate: ValidateFunction, value: unknown): string {
  return validate(value) ? "" : ajv.errorsText(validate.errors);
}

/** Whether this is a JSON Schema at all: what is wrong with it, as text. */
export function schemaFaults(schema: object): string {
  return ajv.validateSchema(schema) ? "" : ajv.errorsText(ajv.errors);
}

/** Callers must bear a field that is new; tests must not. */
function closed<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (_, each) =>
    each?.type === "object" && each.properties ? { additionalProperties: false, ...each } : each,
  ) as T;
}
