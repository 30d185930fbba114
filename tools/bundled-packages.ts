import { globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { bundleInputs } from "../infra/bundle.ts";

const root = join(import.meta.dirname, "..");

/** A package whose code is in the bundle of a function. */
export interface BundledPackage {
  name: string;
  version: string;
  /** SPDX expression of its package.json. */
  license: string;
  /** URL of its repository, the same for all packages of one. */
  repository: string;
  /** Licence and notice files, as they are. */
  texts: string[];
}

/** Licences that a bundle may contain, and whether their text must go with every copy of the code. */
const allowed: Record<string, { needsText: boolean }> = {
  "Apache-2.0": { needsText: true },
  MIT: { needsText: true },
  ISC: { needsText: true },
  "BSD-2-Clause": { needsText: true },
  "BSD-3-Clause": { needsText: true },
  "0BSD": { needsText: false },
  "MIT-0": { needsText: false },
};

/** Copyright lines of repositories whose packages are under MIT and have no licence file. Source: their LICENSE. */
const copyrights: Record<string, string> = {
  "github.com/middyjs/middy": "Copyright (c) 2017-2022 Luciano Mammino, will Farrell and the Middy team",
};

/** The packages in the bundles of all functions, by name and version. */
export function bundledPackages(): BundledPackage[] {
  const handlers = globSync("functions/*/handler.ts", { cwd: root });
  const inputs = handlers.flatMap((handler) => bundleInputs(dirname(handler).replace("functions/", "")));
  // The last `node_modules` of a path: a package may have its own version of another.
  const folders = new Set(inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? []));
  return [...folders]
    .map((folder) => readPackage(join(root, folder)))
    .toSorted((one, other) => `${one.name} ${one.version}`.localeCompare(`${other.name} ${other.version}`, "en"));
}

function readPackage(folder: string): BundledPackage {
  const { name, version, license, repository } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    name: string;
    version: string;
    license?: string;
    repository?: string | { url: string };
  };
  const url = typeof repository === "object" ? repository.url : (repository ?? "");
  const files = readdirSync(folder).filter((file) => /^(license|licence|notice|copying)/i.test(file));
  return {
    name,
    version,
    license: license ?? "none",
    repository: url.replace(/^(git\+)?https:\/\//, "").replace(/\.git$/, ""),
    texts: files.toSorted().map((file) => readFileSync(join(folder, file), "utf8").trim()),
  };
}

/** What is wrong with the licence of a package. Empty if its code may be deployed. */
export function licenseFaults(packages: BundledPackage[]): string[] {
  return packages.flatMap((each) => {
    const { name, version, license } = each;
    const rule = Object.hasOwn(allowed, license) ? allowed[license] : undefined;
    if (!rule) {
      return `${name} ${version}: the licence ${license} is not allowed in a bundle. Replace the package, or add the licence to tools/bundled-packages.ts after a legal check.`;
    }
    if (rule.needsText && textsOf(each, packages).length === 0) {
      return `${name} ${version}: no licence file, and ${license} requires its text with every copy. Find the text in ${each.repository || "its repository"} and add its source to tools/bundled-packages.ts.`;
    }
    return [];
  });
}

/** The texts that go with a package: its own; else those of a package of the same repository; else MIT with its copyright line. */
function textsOf({ texts, license, repository }: BundledPackage, packages: BundledPackage[]): string[] {
  if (texts.length > 0) return texts;
  const sibling = packages.find(
    (other) => other.repository === repository && other.license === license && other.texts.length > 0,
  );
  if (repository !== "" && sibling) return sibling.texts;
  const copyright = Object.hasOwn(copyrights, repository) ? copyrights[repository] : undefined;
  const mit = packages.flatMap((other) => (other.license === "MIT" ? other.texts : []));
  const text = mit.find((other) => /^MIT License\s+Copyright .*$/m.test(other));
  return copyright !== undefined && license === "MIT" && text ? [text.replace(/^Copyright .*$/m, copyright)] : [];
}

/** A document with the licences of all packages. Packages with the same texts share them. */
export function thirdPartyNotices(packages: BundledPackage[]): string {
  const byText = Map.groupBy(packages, (each) => textsOf(each, packages).join("\n\n"));
  const sections = [...byText].map(([text, group]) => {
    const heads = group.map(({ name, version, license }) => `${name} ${version} (${license})`);
    return [...heads, "", text || "This licence does not require its text."].join("\n");
  });
  return `Packages in the functions of Smart Token Broker, and their licences.\n\n${sections.join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}
