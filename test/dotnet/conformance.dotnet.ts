import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { conformance, readCases } from "../client/conformance-case.ts";
import { wrongCases } from "../client/wrong-cases.ts";
import { output } from "../local/run-harness.ts";
import { compile, handler } from "./compile.ts";

const program = await compile(handler, "test/dotnet/Conformance.cs");

/** The results of the .NET client for the cases of a file, by their names. */
async function resultsOf(path: string): Promise<Map<string, string>> {
  const lines = (await output("mono", ["--debug", program, path])).trimEnd().split("\n");
  return new Map(lines.map((line) => line.split("\t").slice(1) as [string, string]));
}

const files = ["lifetimes.json", "outages.json", "rejected-tokens.json", "errors.json", "urls.json", "requests.json"];

describe.each(files)("%s", async (file) => {
  const results = await resultsOf(join(conformance, file));

  test.each(readCases<{ name: string; credential?: { kind: string } }[]>(file))("$name", ({ name, credential }) => {
    expect(results.get(name)).toBe(credential?.kind === "iam" ? "skipped" : "passed");
  });
});

describe("The runner finds", () => {
  test.each(wrongCases)("%s", async (name, wrong) => {
    const folder = mkdtempSync(join(tmpdir(), "dotnet-test-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "wrong.json"), JSON.stringify([{ name, ...wrong }]));

    const results = await resultsOf(join(folder, "wrong.json"));

    expect(results.get(name)).toMatch(/expected/);
  });

  test("a URL that is wrong", async () => {
    const folder = mkdtempSync(join(tmpdir(), "dotnet-test-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const row = { name: "wrong", base: "https://api.test", input: "/x", url: "https://api.test/y" };
    writeFileSync(join(folder, "urls.json"), JSON.stringify([row, { ...row, name: "null", url: null }]));

    const results = await resultsOf(join(folder, "urls.json"));

    expect([...results.values()]).toEqual([expect.stringMatching(/expected/), expect.stringMatching(/expected/)]);
  });
});
