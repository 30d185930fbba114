import { writeFileSync } from "node:fs";
import { callersJsonSchema, registrationJsonSchema } from "./json-schemas.ts";

// `npm run schemas`: the script formats the files afterwards.
for (const [name, schema] of Object.entries({ callers: callersJsonSchema(), registration: registrationJsonSchema() })) {
  writeFileSync(new URL(`../docs/${name}.schema.json`, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
}
