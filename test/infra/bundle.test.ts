import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { bundleFunction } from "../../infra/bundle.ts";
import { importsOf } from "../conventions/imports.ts";
import { callsCaller, keyCaller, type Resource, synthesise } from "./synth.ts";

const { assembly, outdir, ofType, render } = synthesise({ callers: [keyCaller, callsCaller] });

/** The files that a cold start loads: `index.mjs` and its static imports. */
function eagerFiles(folder: string): Set<string> {
  const reached = new Set<string>(["index.mjs"]);
  for (const file of reached) {
    for (const { target, lazy } of importsOf({ file, text: readFileSync(join(folder, file), "utf8") })) {
      if (!lazy && target.endsWith(".mjs")) reached.add(target);
    }
  }
  return reached;
}

/** The packages whose code is in these files of a bundle, according to the source maps. */
function packagesIn(folder: string, files: Iterable<string>): Set<string> {
  const sources = [...files].flatMap(
    (file) => (JSON.parse(readFileSync(join(folder, `${file}.map`), "utf8")) as { sources: string[] }).sources,
  );
  return new Set(sources.map((source) => source.replace(/^.*node_modules\/((@[^/]+\/)?[^/]+)\/.*$/, "$1")));
}

/** The packages and node's modules that these files of a bundle import, according to the files and their source maps. */
function modulesIn(folder: string, files: Iterable<string>): string[] {
  const imported = [...files].flatMap((file) =>
    importsOf({ file, text: readFileSync(join(folder, file), "utf8") })
      .filter(({ target, lazy }) => !lazy && target.startsWith("node:") && target !== "node:module")
      .map(({ target }) => target),
  );
  const packages = [...packagesIn(folder, files)].filter((source) => !source.startsWith("."));
  return [...new Set([...packages, ...imported])].toSorted();
}

/** The file that keeps the code of a function. */
const keptOf = (name: string) => join(import.meta.dirname, "../../build/kept", `${name}.json`);

const modulesBelow = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.name.endsWith(".mjs"))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));

describe("The bundle of the token function", () => {
  const folder = bundleFunction("token");
  const eager = eagerFiles(folder);
  const lazy = modulesBelow(folder).filter((file) => !eager.has(file));

  test.each(["undici", "@aws-sdk/client-dynamodb", "@aws-sdk/client-secrets-manager"])(
    "contains %s, and loads it on first use",
    (name) => {
      expect(packagesIn(folder, eager)).not.toContain(name);
      expect(packagesIn(folder, lazy)).toContain(name);
    },
  );

  test("contains no sources: its source maps point to the repository", () => {
    for (const file of modulesBelow(folder)) {
      expect(JSON.parse(readFileSync(join(folder, `${file}.map`), "utf8"))).not.toHaveProperty("sourcesContent");
    }
  });
});

const served = ["@middy/core", "node:timers"];

// Each module and each kilobyte costs every cold start: before you raise a number here, measure it (npm run bench).
test.each([
  { name: "token", files: 3, kilobytes: 57, modules: [...served, "valibot"] },
  { name: "oauth", files: 3, kilobytes: 72, modules: served },
  { name: "calls", files: 4, kilobytes: 71.2, modules: served },
  { name: "status", files: 3, kilobytes: 31, modules: [...served, "valibot"] },
  // No caller waits for these.
  { name: "prober", files: 3, kilobytes: 47 },
  { name: "token-rotation", files: 16, kilobytes: 337 },
  { name: "key-rotation", files: 16, kilobytes: 327 },
])("A cold start of $name loads at most $files files and $kilobytes kB", ({ name, files, kilobytes, modules }) => {
  const folder = bundleFunction(name);
  const eager = [...eagerFiles(folder)];
  const bytes = eager.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);

  if (modules) expect(modulesIn(folder, eager)).toEqual(modules.toSorted());
  expect(eager.length).toBeLessThanOrEqual(files);
  expect(bytes).toBeLessThanOrEqual(kilobytes * 1000);
});

describe("A bundle in a given folder", () => {
  const parent = mkdtempSync(join(tmpdir(), "smart-token-broker-bundle-"));
  const folder = join(parent, "oauth");

  test("contains the given files, and no longer those of the last time", () => {
    bundleFunction("oauth", { folder, files: { "callers.json": "[]", "old.json": "{}" } });
    bundleFunction("oauth", { folder, files: { "callers.json": '[{"name": "fake"}]' } });

    expect(readFileSync(join(folder, "callers.json"), "utf8")).toBe('[{"name": "fake"}]');
    expect(existsSync(join(folder, "old.json"))).toBe(false);
    expect(modulesBelow(folder)).toContain("index.mjs");
  });
});

describe("The last bundle of a function", () => {
  const path = keptOf("status");
  const kept = () => JSON.parse(readFileSync(path, "utf8")) as { inputs: string[]; hash: string; code: object };
  bundleFunction("status");
  const bundled = kept();

  test("is used again while none of its files has changed", () => {
    const before = statSync(path);
    expect(bundled.inputs).toContain("functions/auth-core/adapters/dynamodb-lean.ts");
    expect(bundled.inputs).toContain("functions/status/package.json");

    bundleFunction("status");

    expect(statSync(path).ino).toBe(before.ino);
  });

  test.each([
    ["outdated", JSON.stringify({ ...bundled, hash: "0".repeat(64) })],
    ["broken", '{"inputs": ['],
  ])("is replaced if it is %s", (_, text) => {
    writeFileSync(path, text);

    bundleFunction("status");

    expect(kept()).toEqual(bundled);
  });
});

/** The source folder of a function's asset. */
function assetOf(of: { assembly: typeof assembly; outdir: string }, { stack, Properties }: Resource): string {
  const { files } = JSON.parse(readFileSync(join(of.outdir, `${stack}.assets.json`), "utf8"));
  return join(of.assembly.directory, files[Properties.Code.S3Key.replace(/\.zip$/, "")].source.path);
}

test("The bundles of oauth and calls contain the entries that they serve, and no other bundle has a list", () => {
  const trusting = synthesise({
    callers: [keyCaller, callsCaller, { name: "orders", connections: ["a"], principal: "210987654321" }],
  });
  const lists = trusting.ofType("AWS::Lambda::Function").map((fn): [string, unknown] => {
    const path = join(assetOf(trusting, fn), "callers.json");
    return [fn.id, existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined];
  });

  const namesOf = (name: string) =>
    (lists.find(([id]) => id.startsWith(name))?.[1] as { name: string }[] | undefined)?.map((entry) => entry.name);
  expect(namesOf("OAuth")).toEqual(["php", "orders"]);
  expect(namesOf("Calls")).toEqual(["shop"]);
  expect(lists.filter(([, list]) => list !== undefined)).toHaveLength(2);
  // Another synth has its own folder and its own list.
  const oauth = ofType("AWS::Lambda::Function").find(({ id }) => id.startsWith("OAuth"));
  const list = oauth && readFileSync(join(assetOf({ assembly, outdir }, oauth), "callers.json"), "utf8");
  expect(JSON.parse(list ?? "")).toEqual([{ kind: "key", origins: [], ...keyCaller }]);
});

/** Loads an asset in its own node process, as Lambda would, with these variables and no other. */
function load(entry: string, env: Record<string, string>): Promise<{ stdout: string }> {
  const script = `const bundle = await import(${JSON.stringify(pathToFileURL(entry).href)});
    console.log(typeof bundle.handler);`;
  return promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], { env });
}

describe.each(ofType("AWS::Lambda::Function"))("$id", (fn) => {
  const { Properties } = fn;
  const entry = join(assetOf({ assembly, outdir }, fn), "index.mjs");
  const variables = Object.fromEntries(
    Object.entries(Properties.Environment.Variables).map(([name, value]) => [name, render(value)]),
  );

  test("loads on Node with only the variables of its template", async () => {
    expect(Properties.Handler).toBe("index.handler");

    const { stdout } = await load(entry, variables);

    expect(stdout).toBe("function\n");
  });
});
