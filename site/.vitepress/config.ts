import { join } from "node:path";
import { githubAnchors, prepareLinks } from "../links.ts";
import { sidebar } from "../sidebar.ts";

const root = join(import.meta.dirname, "../..");

/** The pages of the repository as a site. A link to a page that is not there fails the build. */
export default {
  srcDir: "build/pages",
  outDir: join(root, "build/docs"),
  cacheDir: "build/cache",
  // A folder's README is its first page.
  rewrites: (page: string) => page.replace(/(^|\/)README\.md$/, "$1index.md"),
  title: "Smart Token Broker",
  lang: "en-GB",
  // Many pages have wide tables.
  head: [
    ["style", {}, ":root{--vp-layout-max-width:1700px}.VPDoc.has-aside .content-container{max-width:1000px!important}"],
  ],
  markdown: { anchor: { slugify: githubAnchors }, config: prepareLinks },
  themeConfig: {
    search: { provider: "local" },
    nav: [{ text: "All pages", link: "/docs/" }],
    sidebar: sidebar(root),
    outline: [2, 3],
  },
};
