import { writeFileSync } from "node:fs";
import { openApiDocument } from "./openapi-document.ts";

// `npm run openapi`: the script formats the file afterwards.
writeFileSync(new URL("../docs/openapi.json", import.meta.url), `${JSON.stringify(openApiDocument(), null, 2)}\n`);
