import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { synthesise, synthesiseAgain } from "./synth.ts";

const { assembly, outdir } = synthesise();

const filesBelow = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** Forms of a credential: a JWT (API keys are JWTs), an AWS access key, a private key, a caller key. */
const credentials = [
  /\beyJ[\w-]{10,}\.[\w-]{10,}/,
  /\b(AKIA|ASIA)[A-Z0-9]{16}\b/,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\sA-Za-z0-9+/]{40}/,
  /\bstb_[\w-]{20,}/,
];

const holdsCredential = (text: string) => credentials.some((pattern) => pattern.test(text));

test.each([
  "Bearer eyJhbGciOiJIUzI1NiJ9.eyJmYWtlIjp0cnVlfQ.ZmFrZQ",
  "AKIAFAKEFAKEFAKEFAKE",
  `-----BEGIN PRIVATE KEY-----\n${"fake".repeat(16)}`,
  `stb_${"fake".repeat(8)}`,
])("The search for credentials finds %j", (planted) => {
  expect(holdsCredential(`{"value": "${planted}"}`)).toBe(true);
});

test("Templates and bundles contain no credential", () => {
  const files = filesBelow(outdir);

  expect(files.filter((file) => holdsCredential(readFileSync(file, "utf8")))).toEqual([]);
  expect(files.filter((file) => file.endsWith(".template.json"))).not.toHaveLength(0);
  expect(files.filter((file) => file.endsWith(".mjs"))).not.toHaveLength(0);
});

test("Templates need no lookup and deploy to any account and region", () => {
  expect(assembly.manifest.missing ?? []).toEqual([]);
  for (const { environment } of assembly.stacks) {
    expect(environment).toMatchObject({ account: "unknown-account", region: "unknown-region" });
  }
});

test("The same sources give the same templates and assets", () => {
  const again = synthesiseAgain();

  const hashes = (folder: string) =>
    readdirSync(folder)
      .filter((name) => name.endsWith(".assets.json"))
      .map((name) => [name, Object.keys(JSON.parse(readFileSync(join(folder, name), "utf8")).files)]);

  expect(hashes(again.outdir)).toEqual(hashes(outdir));
  expect(hashes(outdir).flat(2).length).toBeGreaterThan(4);
});
