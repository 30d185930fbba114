import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { buildSync } from "esbuild";

const root = join(import.meta.dirname, "..");

/**
 * Bundles `functions/{name}/handler.ts` for Lambda and returns the folder, ready to be an asset.
 *
 * ESM and code-split, so that what the handler imports with `await import()` costs a cold start nothing. The SDK is
 * bundled: the runtime's own copy is larger and slower to load. The same sources always give the same files, and a file
 * that has not changed is not written, so several synths may share the folder.
 */
export function bundleFunction(name: string, files: Record<string, string> = {}): string {
  const outdir = join(root, "build", "functions", name);
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
    // undici is CommonJS and asks for node's own modules by `require`, which an ES module does not have.
    banner: { js: 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);' },
    logLevel: "error",
  });
  const wanted = new Map(outputFiles.map(({ path, contents }) => [path, contents]));
  for (const [file, text] of Object.entries(files)) wanted.set(join(outdir, file), Buffer.from(text));
  for (const path of filesBelow(outdir)) if (!wanted.has(path)) rmSync(path, { force: true });
  for (const [path, contents] of wanted) {
    if (existsSync(path) && readFileSync(path).equals(contents)) continue;
    mkdirSync(dirname(path), { recursive: true });
    // Whole or not at all: another process may be hashing the folder at this moment.
    const unfinished = join(root, "build", `${randomUUID()}.tmp`);
    writeFileSync(unfinished, contents);
    renameSync(unfinished, path);
  }
  return outdir;
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
