import { copyFileSync, globSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { defineConfig } from "tsdown";
import { bundleFunction } from "../../infra/bundle.ts";
import { bundledPackages, thirdPartyNotices } from "../../tools/bundled-packages.ts";

const root = join(import.meta.dirname, "../..");
const build = join(import.meta.dirname, "build");

/** `npm run build:cdk`: the construct as ESM and CommonJS, its types, the functions' bundles and the licences. */
export default defineConfig({
  entry: ["src/index.ts"],
  outDir: "build/lib",
  format: ["esm", "cjs"],
  platform: "node",
  target: "node22",
  // From the syntax of the public types alone: they import nothing of the workspace.
  dts: { generator: "oxc" },
  deps: { neverBundle: [/^aws-cdk-lib/, "constructs"], alwaysBundle: [/^@smart-token-broker/, "valibot"] },
  // The module that bundles with esbuild needs the sources. At build time it gives way to the one that finds the bundles
  // in the package. So no part knows where its code is from, and an app that uses the package needs no esbuild.
  plugins: [
    {
      name: "prebuilt-bundles",
      load: (id) =>
        id === join(root, "infra/bundle.ts")
          ? `export { bundleFunction } from ${JSON.stringify(join(import.meta.dirname, "src/prebuilt-bundle.ts"))};`
          : undefined,
    },
  ],
  publint: { strict: true },
  attw: { level: "error" },
  hooks: {
    "build:prepare": () => {
      mkdirSync(build, { recursive: true });
      for (const handler of globSync("functions/*/handler.ts", { cwd: root })) {
        const name = basename(dirname(handler));
        bundleFunction(name, { folder: join(build, "functions", name) });
      }
      writeFileSync(join(build, "THIRD-PARTY-LICENSES.txt"), thirdPartyNotices(bundledPackages()));
      copyFileSync(join(root, "LICENSE"), join(build, "LICENSE"));
    },
  },
});
