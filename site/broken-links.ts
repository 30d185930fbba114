import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** The values of the attributes `names` in an HTML page. */
function values(html: string, names: string): string[] {
  const found = html.matchAll(new RegExp(`\\s(?:${names})="([^"]*)"`, "g"));
  return [...found].map(([, value = ""]) => value.replaceAll("&amp;", "&"));
}

/** Relative links in the HTML pages below a folder to a file or an anchor that is not there: `page: link`. */
export function brokenLinks(folder: string, base = "/"): string[] {
  const ids = new Map<string, Set<string>>();
  const idsOf = (file: string) => {
    const known = ids.get(file) ?? new Set(values(readFileSync(file, "utf8"), "id"));
    ids.set(file, known);
    return known;
  };
  const isFile = (path: string) => existsSync(path) && statSync(path).isFile();
  const leads = (page: string, link: string) => {
    const { pathname, hash } = new URL(link, `http://site.test${base}${page}`);
    const path = join(folder, decodeURIComponent(pathname).replace(base, "/"));
    const file = path.endsWith("/") ? join(path, "index.html") : path;
    if (!isFile(file)) return false;
    return hash === "" || !file.endsWith(".html") || idsOf(file).has(decodeURIComponent(hash.slice(1)));
  };
  return globSync("**/*.html", { cwd: folder }).flatMap((page) =>
    values(readFileSync(join(folder, page), "utf8"), "href|src")
      .filter((link) => link !== "" && !/^([a-z]+:|\/\/)/.test(link) && !leads(page, link))
      .map((link) => `${page}: ${link}`),
  );
}
