import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { failureCodes } from "../../functions/auth-core/rules/failure-catalogue.ts";

// The clients import nothing of the broker.
test.each([
  ["packages/client/src/errors.ts", /const ofConnection = new Set\(\[([^\]]*)\]\)/],
  ["packages/dotnet/SmartTokenBrokerHandler.cs", /HashSet<string> OfConnection = new HashSet<string>\s*\{([^}]*)\}/],
])("%s knows each failure that concerns one connection only", (file, list) => {
  const [, codes = ""] = list.exec(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8")) ?? [];

  const known = [...codes.matchAll(/"(\w+)"/g)].map(([, code]) => code);
  // A store of the broker fails for all connections. `invalid_scope` is the error of a token endpoint.
  const expected = failureCodes.filter((code) => code !== "unavailable");
  expect(new Set(known)).toEqual(new Set([...expected, "invalid_scope"]));
});
