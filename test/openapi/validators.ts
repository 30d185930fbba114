import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { document } from "./document.ts";

const ids = { answers: "https://example.com/closed.json", requests: "https://example.com/openapi.json" };
const ajv = new Ajv2020({
  // Ajv takes the whole document for a schema; a `not` may have only `required`.
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

/** The validator of the schema at `#/…` of the document. Responses may have only documented fields. */
export function validatorAt(pointer: string, of: keyof typeof ids = "answers"): ValidateFunction {
  return ajv.compile({ $ref: ids[of] + encodeURI(pointer) });
}

/** What is wrong with a value, as text; empty if it is valid. */
export function faults(validate: ValidateFunction, value: unknown): string {
  return validate(value) ? "" : ajv.errorsText(validate.errors);
}

/** Clients must ignore unknown fields; these tests must not. */
function closed<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (_, each) =>
    each?.type === "object" && each.properties ? { additionalProperties: false, ...each } : each,
  ) as T;
}
