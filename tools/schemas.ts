import { writeFileSync } from "node:fs";
import { callersJsonSchema, registrationJsonSchema } from "./json-schemas.ts";
import { settingsJsonSchema } from "./settings-json-schema.ts";

// `npm run schemas`: the script formats the files afterwards.
const schemas = {
  callers: callersJsonSchema(),
  registration: registrationJsonSchema(),
  settings: settingsJsonSchema(),
};
for (const [name, schema] of Object.entries(schemas)) {
  writeFileSync(new URL(`../docs/${name}.schema.json`, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
}
