import { execFileSync } from "node:child_process";
import { copyFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { build as bundle, type BuildOptions } from "esbuild";
import { bundleFunction } from "../../infra/bundle.ts";
import { bundledPackages, thirdPartyNotices } from "../../tools/bundled-packages.ts";

// `npm run build:cdk`: the construct as ESM and CommonJS, its types, the functions' bundles and the licences.
const folder = import.meta.dirname;
const root = join(folder, "../..");
const out = join(folder, "build");
rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "lib"), { recursive: true });

const common: BuildOptions = {
  entryPoints: [join(folder, "src/index.ts")],
  bundle: true,
  platform: "node",
  target: "node22",
  external: ["aws-cdk-lib", "constructs"],
  plugins: [
    {
      name: "prebuilt-bundles",
      // The module that bundles with esbuild needs the sources. The package has the one that finds the bundles in it. So no
      // part knows where its code is from, and an app that uses the package needs no esbuild.
      setup: (build) =>
        build.onResolve({ filter: /^\.\.\/bundle\.ts$/ }, () => ({ path: join(folder, "src/prebuilt-bundle.ts") })),
    },
  ],
  logLevel: "error",
};
await bundle({ ...common, format: "esm", outfile: join(out, "lib/index.mjs") });
await bundle({
  ...common,
  format: "cjs",
  outfile: join(out, "lib/index.cjs"),
  define: { "import.meta.dirname": "__dirname" },
});

writeTypes();
for (const handler of globSync("functions/*/handler.ts", { cwd: root })) {
  const name = basename(dirname(handler));
  bundleFunction(name, { folder: join(out, "functions", name) });
}
writeFileSync(join(out, "THIRD-PARTY-LICENSES.txt"), thirdPartyNotices(bundledPackages()));
copyFileSync(join(root, "LICENSE"), join(out, "LICENSE"));

/** Joins the two files of public types. They import nothing else of the workspace. */
function writeTypes(): void {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  execFileSync(process.execPath, [tsc, "--project", join(folder, "tsconfig.types.json")], { stdio: "inherit" });
  const read = (name: string) => readFileSync(join(out, "types/packages/cdk/src", `${name}.d.ts`), "utf8");
  const types = read("props") + read("smart-token-broker").replace(/^import type .* from "\.\/props\.ts";\n/m, "");
  if (/from "(\.|@smart-token-broker)/.test(types))
    throw new Error("The public types import a module of the workspace.");
  for (const extension of ["d.mts", "d.cts"]) writeFileSync(join(out, "lib", `index.${extension}`), types);
  rmSync(join(out, "types"), { recursive: true });
}
