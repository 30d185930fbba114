import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Case, type ErrorRow, exchangesOf, readCases, scriptOf } from "../client/conformance-case.ts";
import { wrongCases } from "../client/wrong-cases.ts";
import { output } from "../local/run-harness.ts";
import { compile, handler } from "./compile.ts";

const program = await compile(handler, "test/dotnet/Conformance.cs");

interface Row {
  name: string;
  credential?: { kind: string };
}

/** The results of the .NET client for the cases of a file, by their names. */
async function resultsOf(file: string, cases: readonly object[]): Promise<Map<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), "dotnet-test-"));
  const path = join(folder, file);
  writeFileSync(path, JSON.stringify(cases));
  const lines = (await output("mono", ["--debug", program, path])).trimEnd().split("\n");
  rmSync(folder, { recursive: true });
  return new Map(lines.map((line) => line.split("\t") as [string, string]));
}

function prepared(of: Case | ErrorRow): object {
  const { steps, ...script } = scriptOf(of);
  return { ...script, steps: steps.map((step) => ({ ...step, ...exchangesOf(step) })) };
}

const scripts = ["lifetimes.json", "outages.json", "rejected-tokens.json", "errors.json"];
const tables = ["urls.json", "requests.json"];

describe.each([...scripts, ...tables])("%s", async (file) => {
  // The .NET client has no credential for IAM.
  const cases = readCases<Row[]>(file).filter(({ credential }) => credential?.kind !== "iam");
  const results = await resultsOf(file, tables.includes(file) ? cases : (cases as Case[]).map(prepared));

  test.each(cases)("$name", ({ name }) => {
    expect(results.get(name)).toBe("passed");
  });
});

describe("The runner finds", () => {
  test.each(wrongCases)("%s", async (name, wrong) => {
    const results = await resultsOf("wrong.json", [prepared({ name, ...wrong })]);

    expect(results.get(name)).toMatch(/expected/);
  });

  test("a URL that is wrong", async () => {
    const row = { name: "wrong", base: "https://api.test", input: "/x", url: "https://api.test/y" };

    const results = await resultsOf("urls.json", [row, { ...row, name: "null", url: null }]);

    expect([...results.values()]).toEqual([expect.stringMatching(/expected/), expect.stringMatching(/expected/)]);
  });
});
