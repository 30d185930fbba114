import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { failureCodes } from "../../functions/auth-core/rules/failure-catalogue.ts";

test("docs/proxy.md lists each code with which the proxy itself answers, besides the 503 of its client", () => {
  const root = new URL("../../", import.meta.url);
  const read = (file: string) => readFileSync(new URL(file, root), "utf8");
  const sources = globSync("packages/client/src/proxy/*.ts", { cwd: root }).map(read).join("");
  const codes = sources.matchAll(/(?:new Failure\(\s*\d+,|callFailure\()\s*"(\w+)"/g);
  const listed = [...read("docs/proxy.md").matchAll(/^\| (?!503 `(?:unreachable|invalid_))\d+ `(\w+)`/gm)].map(
    ([, code]) => code,
  );

  expect(new Set(listed)).toEqual(new Set([...codes].map(([, code]) => code)));
});

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
