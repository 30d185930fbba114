import { errorTables } from "./error-tables.ts";
import { faultsPage } from "./faults-page.ts";
import { callersJsonSchema, registrationJsonSchema } from "./json-schemas.ts";
import { withSection } from "./markdown.ts";
import { openApiDocument } from "./openapi-document.ts";
import { proxyJsonSchema, proxySettingsTable, settingsJsonSchema, settingsTable } from "./settings-pages.ts";

const json = (value: object) => () => `${JSON.stringify(value, null, 2)}\n`;

/** Each file in docs/ that is generated, in whole or between marks, and its text; `page` is its text until now. */
export const generatedFiles: Record<string, (page: string) => string> = {
  "openapi.json": json(openApiDocument()),
  "callers.schema.json": json(callersJsonSchema()),
  "registration.schema.json": json(registrationJsonSchema()),
  "proxy.schema.json": json(proxyJsonSchema()),
  "settings.schema.json": json(settingsJsonSchema()),
  "faults.md": faultsPage,
  "errors.md": (page) =>
    Object.entries(errorTables()).reduce((text, [name, table]) => withSection(text, name, table), page),
  "settings.md": (page) => withSection(page, "settings", settingsTable()),
  "proxy.md": (page) => withSection(page, "settings", proxySettingsTable()),
};
