import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { brokenLinks } from "../../site/broken-links.ts";
import { githubAnchors } from "../../site/links.ts";

/** A folder with an index, and a page that has these links. */
function siteWith(...links: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "site-"));
  mkdirSync(join(folder, "docs"));
  writeFileSync(join(folder, "index.html"), '<h2 id="a-part">A part</h2>');
  const anchors = links.map((link) => `<a href="${link}">link</a>`);
  writeFileSync(join(folder, "docs/page.html"), `<h2 id="here">Here</h2><img src="../index.html">${anchors.join("")}`);
  return folder;
}

it.each(["../index.html#a-part", "#here", "page.html", "../", "https://example.com/none", "mailto:me@example.com"])(
  "The check of the site accepts the link %s",
  (link) => {
    expect(brokenLinks(siteWith(link))).toEqual([]);
  },
);

it.each(["../index.html#no-part", "#no-part", "none.html", "./", "../docs", "/none.css"])(
  "The check of the site finds the broken link %s",
  (link) => {
    expect(brokenLinks(siteWith(link))).toEqual([`docs/page.html: ${link}`]);
  },
);

it("The check of the site follows links below a base path", () => {
  const folder = siteWith("/base/index.html#a-part", "/base/none.html");

  expect(brokenLinks(folder, "/base/")).toEqual(["docs/page.html: /base/none.html"]);
});

it.each([
  ["Routes: `/a/b` and `/c/d`", "routes-ab-and-cd"],
  ["Naïve café?", "naïve-café"],
  ["snake_case - and more", "snake_case---and-more"],
])("The heading %s has the anchor that GitHub gives it", (heading, anchor) => {
  // Markdown renders the code marks before.
  expect(githubAnchors(heading.replaceAll("`", ""))).toBe(anchor);
});
