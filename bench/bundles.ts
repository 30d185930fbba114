import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { bundleFunction, bundleOptions } from "../infra/bundle.ts";
import { installPackages } from "../tools/packages.ts";

const baselines = join(import.meta.dirname, "baselines");

/** Bundles for one scenario, in a folder that `remove` deletes. Each function returns the folder of its bundle. */
export function bundlesFor() {
  const folder = mkdtempSync(join(tmpdir(), "smart-token-broker-bench-"));
  return {
    folder,
    deployed: (name: string, files: Record<string, string> = {}) =>
      bundleFunction(name, { folder: join(folder, name), files }),
    /** A baseline with our bundler options, so that only its code differs. */
    ours(name: string): string {
      const outdir = join(folder, name);
      buildSync({ ...bundleOptions, entryPoints: { index: join(baselines, `${name}.ts`) }, outdir });
      return outdir;
    },
    /**
     * A baseline as the construct `NodejsFunction` bundles it by default: CommonJS, not minified, without the SDK, which Lambda
     * has in `NODE_PATH`. From a copy of the sources: in this repository, they would get our version of middy.
     */
    byDefault(name: string): string {
      const outdir = join(folder, name);
      const sources = join(folder, "baselines");
      cpSync(baselines, sources, { recursive: true });
      buildSync({
        entryPoints: { index: join(sources, `${name}.mjs`) },
        outdir,
        bundle: true,
        platform: "node",
        target: "node24",
        external: ["@aws-sdk/*", "@smithy/*"],
        nodePaths: [installPackages("bench/baselines"), withSdk.NODE_PATH],
        logLevel: "error",
      });
      return outdir;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Variables of a baseline that `byDefault` bundled: where the SDK is. */
export const withSdk = { NODE_PATH: join(import.meta.dirname, "../node_modules") };
