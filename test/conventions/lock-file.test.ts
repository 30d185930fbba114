import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

interface Lock {
  packages: Record<
    string,
    { optionalDependencies?: Record<string, string>; integrity?: string; link?: boolean; inBundle?: boolean }
  >;
}

describe.each(["package-lock.json", "site/package-lock.json"])("the lock file %s", (file) => {
  const { packages } = JSON.parse(readFileSync(join(import.meta.dirname, "../..", file), "utf8")) as Lock;

  /** Whether Node would find a package from the folder of another: in its node_modules, or in one above. */
  function isLocked(from: string, name: string): boolean {
    if (Object.hasOwn(packages, join(from, "node_modules", name))) return true;
    return from !== "" && isLocked(from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/"))), name);
  }

  test("has every optional package, also those of other platforms, without which npm ci stops", () => {
    const missing = Object.entries(packages).flatMap(([from, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter((name) => !isLocked(from, name)),
    );

    expect(missing).toEqual([]);
  });

  test("has the hash of every package that npm downloads", () => {
    const unverified = Object.entries(packages).filter(
      ([path, { integrity, link, inBundle }]) =>
        path.includes("node_modules/") && !link && !inBundle && integrity === undefined,
    );

    expect(unverified.map(([path]) => path)).toEqual([]);
  });
});
