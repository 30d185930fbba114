import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { buildSync } from "esbuild";

const root = join(import.meta.dirname, "..");

/**
 * Bundles `functions/{name}/handler.ts` for Lambda and returns the folder, ready to be an asset.
 *
 * The bundle is ESM and split into chunks, so that what the handler imports with `await import()` does not slow a cold
 * start. It includes the SDK, because the runtime's own copy is larger and loads slower. The same sources always give
 * the same files, in any folder. An unchanged file is not written again.
 *
 * @param files further files that the function reads beside its code, by name; pass your own `folder` with them
 */
export function bundleFunction(
  name: string,
  { folder, files = {} }: { folder?: string; files?: Record<string, string> } = {},
): string {
  // What the source maps are relative to; the files may go elsewhere.
  const outdir = join(root, "build", "functions", name);
  const target = folder ?? outdir;
  const { outputFiles } = buildSync({
    absWorkingDir: root,
    entryPoints: { index: `functions/${name}/handler.ts` },
    outdir,
    bundle: true,
    write: false,
    format: "esm",
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    outExtension: { ".js": ".mjs" },
    platform: "node",
    target: "node24",
    mainFields: ["module", "main"],
    minify: true,
    keepNames: true,
    sourcemap: true,
    sourcesContent: false,
    legalComments: "none",
    // undici is CommonJS and calls `require`, which an ES module does not have.
    banner: { js: 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);' },
    logLevel: "error",
  });
  const wanted = new Map(outputFiles.map(({ path, contents }) => [join(target, relative(outdir, path)), contents]));
  for (const [file, text] of Object.entries(files)) wanted.set(join(target, file), Buffer.from(text));
  for (const path of filesBelow(target)) if (!wanted.has(path)) rmSync(path, { force: true });
  for (const [path, contents] of wanted) {
    if (existsSync(path) && readFileSync(path).equals(contents)) continue;
    mkdirSync(dirname(path), { recursive: true });
    // Whole or not at all: another process may be hashing the folder at this moment.
    const unfinished = `${target}-${randomUUID()}.tmp`;
    writeFileSync(unfinished, contents);
    renameSync(unfinished, path);
  }
  return target;
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
