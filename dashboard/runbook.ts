import { readFileSync } from "node:fs";

const source = new URL("../docs/runbook.md", import.meta.url);

/** docs/runbook.md as a page whose headings are the targets of the notices' links and of its own. The rest stays Markdown. */
export function runbookPage(): string {
  const parts = readFileSync(source, "utf8")
    .split(/^(#+ .*)$/m)
    .map((part) => {
      const [, marks, title] = /^(#+) (.*)$/.exec(part) ?? [];
      if (marks === undefined || title === undefined)
        return part.trim() === "" ? "" : `<pre>${linked(escape(part.trim()))}</pre>`;
      const level = Math.min(marks.length, 6);
      return `<h${level} id="${escape(title.toLowerCase().replaceAll(" ", "-"))}">${escape(title)}</h${level}>`;
    });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Runbook</title><link rel="icon" href="data:,"><link rel="stylesheet" href="page.css"></head>
<body class="runbook"><main>${parts.join("\n")}</main></body></html>`;
}

const linked = (text: string) => text.replaceAll(/\[([^[\]]+)\]\((#[^()\s]+)\)/g, '<a href="$2">$1</a>');

const escape = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
