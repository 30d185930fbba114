import { cpSync, existsSync, globSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

const excluded = new Set(["node_modules", "build", "cdk.out", "coverage"]);

/**
 * Copies all pages of the repository into an empty folder, with their pictures. Other files that they link to, like
 * examples and JSON Schemas, go to its `public`: VitePress copies that into the site as it is.
 */
export function collectPages(root: string, folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  for (const page of globSync("**/*.md", { cwd: root, exclude: (name) => excluded.has(name) })) {
    cpSync(join(root, page), join(folder, page));
    const text = readFileSync(join(root, page), "utf8");
    // Pictures for the light and the dark scheme are HTML.
    for (const [, link = ""] of text.matchAll(/\bsrc(?:set)?="([^":]+)"/g)) {
      const file = join(dirname(page), link);
      if (existsSync(join(root, file))) cpSync(join(root, file), join(folder, file));
    }
    for (const [, mark, link = ""] of text.matchAll(/(!?)\[[^\]]*\]\(([^)#:\s]+)/g)) {
      const file = join(dirname(page), link);
      if (link.endsWith(".md") || !existsSync(join(root, file)) || !statSync(join(root, file)).isFile()) continue;
      cpSync(join(root, file), join(folder, mark === "!" ? "" : "public", file));
    }
  }
}
