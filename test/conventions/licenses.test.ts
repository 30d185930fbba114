import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  type BundledPackage,
  bundledPackages,
  licenseFaults,
  thirdPartyNotices,
} from "../../tools/bundled-packages.ts";

const root = join(import.meta.dirname, "../..");
const packages = bundledPackages();

const withText: BundledPackage = {
  name: "fake-package",
  version: "1.2.3",
  license: "MIT",
  repository: "example.com/fake",
  texts: ["MIT License\n\nCopyright (c) Nobody\n\nPermission is hereby granted"],
};
const { texts: _, ...rest } = withText;
const withoutText = { ...rest, texts: [] };

describe("Every package in the bundles", () => {
  test("is found: the SDK, the libraries and their own packages", () => {
    expect(packages.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["@aws-sdk/client-dynamodb", "@smithy/core", "@middy/core", "jose", "undici", "valibot"]),
    );
  });

  test("has an allowed licence, whose text is known if it must go with the code", () => {
    expect(licenseFaults(packages)).toEqual([]);
  });

  test("is in the notices with its version and its text", () => {
    const notices = thirdPartyNotices(packages);

    for (const { name, version, license } of packages) expect(notices).toContain(`${name} ${version} (${license})\n`);
    for (const text of packages.flatMap(({ texts }) => texts)) expect(notices).toContain(text);
    expect(notices).toMatch(/@middy\/core [^]+?Copyright \(c\) [^\n]*Middy[^]+?Permission is hereby granted/);
  });
});

describe("licenseFaults", () => {
  test.each(["GPL-3.0-only", "(MIT OR GPL-3.0)", "none", "toString"])(
    "finds the licence %s, with the package and the next step",
    (license) => {
      expect(licenseFaults([{ ...withText, license }])).toEqual([
        expect.stringMatching(/^fake-package 1\.2\.3: the licence .* is not allowed in a bundle\. Replace the package/),
      ]);
    },
  );

  test.each(["MIT", "Apache-2.0"])("finds a package under %s without its text", (license) => {
    expect(licenseFaults([{ ...withoutText, license }])).toEqual([
      expect.stringContaining(`no licence file, and ${license} requires its text with every copy`),
    ]);
  });

  test("accepts the text of another package of the same repository and licence, and of no other", () => {
    const other = { ...withText, name: "fake-sibling" };

    expect(licenseFaults([withoutText, other])).toEqual([]);
    expect(licenseFaults([withoutText, { ...other, repository: "example.com/other" }])).toHaveLength(1);
    expect(licenseFaults([withoutText, { ...other, license: "ISC" }])).toHaveLength(1);
    const unnamed = { repository: "" };
    expect(
      licenseFaults([
        { ...withoutText, ...unnamed },
        { ...other, ...unnamed },
      ]),
    ).toHaveLength(1);
  });

  test.each(["0BSD", "MIT-0"])("accepts a package under %s without its text", (license) => {
    expect(licenseFaults([{ ...withoutText, license }])).toEqual([]);
  });
});

test("npm run licenses ends quietly if its reader has enough", () => {
  const command = `"${process.execPath}" tools/licenses.ts --texts | head -n 1`;

  const { stdout, stderr } = spawnSync("sh", ["-c", command], { cwd: root, encoding: "utf8" });

  expect(stdout).toMatch(/^.+\n$/);
  expect(stderr).toBe("");
});

describe("npm run sbom", () => {
  const text = execFileSync("npm", ["run", "--silent", "sbom"], { cwd: root, encoding: "utf8" });
  const document = JSON.parse(text) as { spdxVersion: string; packages: { name: string; versionInfo: string }[] };
  const listed = new Set(document.packages.map(({ name, versionInfo }) => `${name} ${versionInfo}`));

  test("prints an SPDX document with every bundled package and its version, and no development tool", () => {
    expect(document.spdxVersion).toMatch(/^SPDX-2\.\d$/);
    expect(packages.filter(({ name, version }) => !listed.has(`${name} ${version}`))).toEqual([]);
    expect(document.packages.map(({ name }) => name)).not.toContain("vitest");
  });

  test("names no address from which packages were installed", () => {
    const lock = readFileSync(join(root, "package-lock.json"), "utf8");
    const hosts = [...text.matchAll(/https?:\/\/([^/"]+)/g)].map(([, host]) => host);

    expect(new Set(hosts)).toEqual(new Set(["spdx.org"]));
    expect(lock).not.toMatch(/"resolved": "https?:/);
  });
});
