import { execFileSync } from "node:child_process";
import { copyFileSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

// `npm run build:client`: ES modules with their types. What several entries share is in chunks, and is loaded once.
const folder = import.meta.dirname;
const root = join(folder, "../..");
const out = join(folder, "build");
rmSync(out, { recursive: true, force: true });

await build({
  entryPoints: ["index", "iam", "aws-identity", "github-actions", "kubernetes", "testing", "proxy"].map((name) =>
    join(folder, "src", `${name}.ts`),
  ),
  outdir: out,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "neutral",
  target: "es2022",
  external: ["node:*", "@aws-sdk/*", "@smithy/*"],
  logLevel: "error",
});

const tsc = join(root, "node_modules/typescript/bin/tsc");
execFileSync(process.execPath, [tsc, "--project", join(folder, "tsconfig.types.json")], { stdio: "inherit" });
// The modules are in the package as JavaScript: its types must not import TypeScript.
for (const file of globSync("**/*.d.ts", { cwd: out })) {
  const types = readFileSync(join(out, file), "utf8");
  writeFileSync(join(out, file), types.replaceAll(/(from "\.[^"]*)\.ts"/g, '$1.js"'));
}
copyFileSync(join(root, "LICENSE"), join(out, "LICENSE"));
// In the proxy.
copyFileSync(join(root, "node_modules/valibot/LICENSE.md"), join(out, "LICENSE-valibot.md"));
