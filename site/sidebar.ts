import { readFileSync } from "node:fs";
import { join, posix } from "node:path";

/** The groups and pages of docs/README.md, with the title of each page. */
export function sidebar(root: string): object[] {
  const read = (file: string) => readFileSync(join(root, file), "utf8");
  const title = (file: string) => /^# (.+)$/m.exec(read(file))?.[1]?.replaceAll("`", "") ?? file;
  const pages = (rows: string) =>
    [...rows.matchAll(/^\| \[[^\]]*\]\(([^)]+\.md)\)/gm)].map(([, link = ""]) => {
      const file = posix.join("docs", link);
      return { text: title(file), link: `/${file.replace(/README\.md$/, "")}` };
    });
  const groups = read("docs/README.md")
    .split(/^\*\*(.+)\*\*$/m)
    .slice(1);
  const named = groups.flatMap((text, at) => (at % 2 === 0 ? [{ text, items: pages(groups[at + 1] ?? "") }] : []));
  const start = [
    { text: "Smart Token Broker", link: "/" },
    { text: "In italiano", link: "/docs/it" },
  ];
  return [{ text: "Start", items: start }, ...named];
}
