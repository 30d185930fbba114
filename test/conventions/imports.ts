import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { transformSync } from "esbuild";

const root = join(import.meta.dirname, "../..");

/** A source file: its path from the root of the repository, and its text. */
export interface Source {
  file: string;
  text: string;
}

/** Every TypeScript source below some folders of the repository; a folder that is not there has none. */
export function sourcesBelow(...folders: string[]): Source[] {
  const files = folders.flatMap((folder) => {
    try {
      return readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
    } catch {
      return [];
    }
  });
  return files
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.parentPath.includes("node_modules"))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ file: relative(root, path), text: readFileSync(path, "utf8") }));
}

/**
 * The code alone, in one spelling: no comments, no types, double quotes, one import in a line. Type-only imports stay,
 * as imports, except the inline `import("…").Type`.
 */
export function codeOf(text: string): string {
  const visible = text.replace(/^(import|export) type (?=[{*]|\w+ from)/gm, "$1 ");
  return transformSync(visible, {
    loader: "ts",
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
  }).code;
}

export interface Import {
  /** A path from the root of the repository, or a package; `computed` if the code computes it. */
  target: string;
  /** `await import(…)`: not loaded before it is needed. */
  lazy: boolean;
}

/** Everything that a source imports, re-exports, requires, or loads lazily, types included. */
export function importsOf({ file, text }: Source): Import[] {
  const code = codeOf(text);
  const eager = code.matchAll(/^(?:import|export)\b(?:[^"'`()]*?\bfrom)? ?"([^"]+)"/gm);
  const called = code.matchAll(/\b(import|require)\((?:"([^"]+)"\)|)/g);
  return [
    ...[...eager].map(([, specifier = ""]) => ({ target: resolve(file, specifier), lazy: false })),
    ...[...called].map(([, how, specifier]) => ({
      target: specifier === undefined ? "computed" : resolve(file, specifier),
      lazy: how === "import",
    })),
  ];
}

function resolve(file: string, specifier: string): string {
  if (specifier.startsWith(".")) return join(dirname(file), specifier);
  return specifier.replace(/^@smart-token-broker\//, "functions/");
}
