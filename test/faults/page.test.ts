import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { faultsPage } from "../../tools/faults-page.ts";

test("docs/faults.md is up to date; if not, run `npm run faults`", () => {
  expect(readFileSync(new URL("../../docs/faults.md", import.meta.url), "utf8")).toBe(faultsPage());
});
