import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { generatedFiles } from "../../tools/generated-files.ts";
import { withSection } from "../../tools/markdown.ts";

test.each(Object.entries(generatedFiles))("docs/%s is up to date; if not, run `npm run generate`", (name, textOf) => {
  const page = readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");
  // The order of the fields counts, the format does not.
  const text = (written: string) => (name.endsWith(".json") ? JSON.stringify(JSON.parse(written), null, 2) : written);

  expect(text(page)).toBe(text(textOf(page)));
});

test("A page without the marks of a generated part is an error that names them", () => {
  expect(() => withSection("no marks", "a table", "")).toThrow("<!-- a table: begin -->");
});
