import { errorTables } from "./error-tables.ts";
import { faultsPage } from "./faults-page.ts";
import { callersJsonSchema, registrationJsonSchema } from "./json-schemas.ts";
import { openApiDocument } from "./openapi-document.ts";
import { settingsJsonSchema } from "./settings-json-schema.ts";

const json = (value: object) => () => `${JSON.stringify(value, null, 2)}\n`;

/** Each file in docs/ that is generated, in whole or between marks, and its text; `page` is its text until now. */
export const generatedFiles: Record<string, (page: string) => string> = {
  "openapi.json": json(openApiDocument()),
  "callers.schema.json": json(callersJsonSchema()),
  "registration.schema.json": json(registrationJsonSchema()),
  "settings.schema.json": json(settingsJsonSchema()),
  "faults.md": faultsPage,
  "errors.md": (page) =>
    Object.entries(errorTables()).reduce((text, [name, table]) => withSection(text, name, table), page),
};

/**
 * Replaces what is between the marks of a generated part.
 *
 * @throws Error if the page lacks a mark
 */
export function withSection(page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`The page lacks ${begin} or ${end}.`);
  return `${before}${begin}\n\n${text}\n\n${end}${after}`;
}
