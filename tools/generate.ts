import { readFileSync, writeFileSync } from "node:fs";
import { generatedFiles } from "./generated-files.ts";

// `npm run generate`: the script formats the JSON files afterwards.
for (const [name, textOf] of Object.entries(generatedFiles)) {
  const file = new URL(`../docs/${name}`, import.meta.url);
  writeFileSync(file, textOf(readFileSync(file, "utf8")));
}
