import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { bundleFunction as bundleWithEsbuild } from "../../../infra/bundle.ts";

/** Beside the folder of this module in the package. */
const bundles = join(import.meta.dirname, "../functions");

/**
 * Returns the folder with the bundle of a function, ready to be an asset. Takes the place of `infra/bundle.ts` in the
 * package, where the bundles are built already.
 *
 * @param folder start of the name of the copy, if the function reads further files beside its code
 */
export const bundleFunction: typeof bundleWithEsbuild = (name, options) => {
  const { folder, files } = options ?? {};
  const built = join(bundles, name);
  if (files === undefined || folder === undefined) return built;
  // The CDK keeps one asset for each path. Two brokers in one app may have different files.
  const hash = createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 16);
  const copy = `${folder}-${hash}`;
  rmSync(copy, { recursive: true, force: true });
  // `cpSync` of some versions of Node copies the mode of a folder, which is read-only in some package stores.
  for (const file of readdirSync(built, { recursive: true, withFileTypes: true }).filter((each) => each.isFile())) {
    const target = join(copy, relative(built, file.parentPath), file.name);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(join(file.parentPath, file.name), target);
  }
  for (const [file, text] of Object.entries(files)) writeFileSync(join(copy, file), text);
  return copy;
};
