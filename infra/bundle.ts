import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { type BuildOptions, buildSync } from "esbuild";

const root = join(import.meta.dirname, "..");

/** The options of esbuild for what is deployed. */
export const bundleOptions = {
  absWorkingDir: root,
  bundle: true,
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
} as const satisfies BuildOptions;

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
  const target = folder ?? join(root, "build", "functions", name);
  const wanted = new Map(
    Object.entries(bundleOf(name).code).map(([path, text]) => [join(target, path), Buffer.from(text)]),
  );
  for (const [file, text] of Object.entries(files)) wanted.set(join(target, file), Buffer.from(text));
  for (const path of filesBelow(target)) if (!wanted.has(path)) rmSync(path, { force: true });
  for (const [path, contents] of wanted) {
    if (existsSync(path) && readFileSync(path).equals(contents)) continue;
    mkdirSync(dirname(path), { recursive: true });
    // The rename is atomic, because another process may be hashing the folder at this moment.
    const unfinished = `${target}-${randomUUID()}.tmp`;
    writeFileSync(unfinished, contents);
    renameSync(unfinished, path);
  }
  return target;
}

/** Text by path, relative to the bundle's folder. */
type Code = Record<string, string>;

/** The last bundle of a function. It is kept, because esbuild needs a second for each function. */
interface Kept {
  /** Paths of all files that esbuild read. */
  inputs: string[];
  /** Hash of the inputs and of `decisive`. */
  hash: string;
  code: Code;
}

/** Files that change a bundle but are not inputs of esbuild: its options and the installed packages. */
const decisive = ["infra/bundle.ts", "tsconfig.json", "functions/tsconfig.json", "node_modules/.package-lock.json"];

/** Paths of all files that esbuild reads for the bundle of a function. */
export function bundleInputs(name: string): string[] {
  return bundleOf(name).inputs;
}

/** The bundle of a function. Bundles it only if one of its files has changed since the last time. */
function bundleOf(name: string): Pick<Kept, "inputs" | "code"> {
  const path = join(root, "build", "kept", `${name}.json`);
  const kept = readKept(path);
  if (kept && kept.hash === hashOf(kept.inputs)) return kept;
  const startedAt = Date.now();
  const { inputs, code } = bundle(name);
  // If a file was saved meanwhile, esbuild may have read its old content.
  if (inputs.some((input) => statSync(join(root, input)).mtimeMs >= startedAt)) return { inputs, code };
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = `${path}-${randomUUID()}.tmp`;
  writeFileSync(unfinished, JSON.stringify({ inputs, hash: hashOf(inputs), code } satisfies Kept));
  renameSync(unfinished, path);
  return { inputs, code };
}

function readKept(path: string): Kept | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Kept;
  } catch {
    return undefined;
  }
}

function hashOf(paths: string[]): string {
  const hash = createHash("sha256");
  for (const path of [...decisive, ...paths]) {
    const file = join(root, path);
    hash.update(path).update(existsSync(file) ? createHash("sha256").update(readFileSync(file)).digest() : "missing");
  }
  return hash.digest("hex");
}

function bundle(name: string): { inputs: string[]; code: Code } {
  // Source maps are relative to this folder, even if the files are written elsewhere.
  const outdir = join(root, "build", "functions", name);
  const { outputFiles, metafile } = buildSync({
    ...bundleOptions,
    entryPoints: { index: `functions/${name}/handler.ts` },
    outdir,
    write: false,
    metafile: true,
  });
  const code = Object.fromEntries(outputFiles.map(({ path, text }) => [relative(outdir, path), text]));
  const packages = ["auth-core", name].map((folder) => `functions/${folder}/package.json`);
  return { inputs: [...Object.keys(metafile.inputs), ...packages], code };
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
