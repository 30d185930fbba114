import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Case, conformance, readCases, type Step } from "../client/conformance-case.ts";
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
  const answer = { token: "fake-token-1", expiresIn: 3600 };
  const first: Step = { at: 0, call: "token", broker: [{ answer }], expect: { token: "fake-token-1" } };
  const used: Step = { at: 1, call: "fetch", expect: { status: 200 } };
  const api = (bearer: string) => [{ bearer, answer: { status: 200 } }];
  const wrong: [string, Case["steps"]][] = [
    ["a request that no step lists", [{ ...first, broker: [] }]],
    ["a listed request that is not sent", [{ ...first, broker: [{ answer }, { answer }] }]],
    ["a request of another connection", [{ ...first, broker: [{ connection: "other", answer }] }]],
    ["another token", [{ ...first, expect: { token: "fake-token-2" } }]],
    ["a call that waits", [{ ...first, broker: [{ answer: { ...answer, after: 1 } }] }]],
    ["a call that does not wait", [{ ...first, expect: { token: "fake-token-1", after: 1 } }]],
    ["a token where an error should be", [{ ...first, expect: { error: { code: "timeout" } } }]],
    ["a report of another token", [{ ...first, broker: [{ rejects: "fake-token-0", answer }] }]],
    ["a request without a call's step, late", [first, { at: 2400, call: "token", expect: { token: "fake-token-1" } }]],
    ["another token at the business API", [first, { ...used, api: api("fake-token-2") }]],
    ["another status", [first, { ...used, api: api("fake-token-1"), expect: { status: 201 } }]],
    [
      "a missing request to the business API",
      [first, { ...used, api: [...api("fake-token-1"), ...api("fake-token-1")] }],
    ],
  ];

  test.each(wrong)("%s", async (name, steps) => {
    const folder = mkdtempSync(join(tmpdir(), "dotnet-test-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "wrong.json"), JSON.stringify([{ name, steps }]));

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
