/** The part of a token of markdown-it that this file uses. */
interface Token {
  type: string;
  children: Token[] | null;
  attrGet: (name: string) => string | null;
  attrSet: (name: string, value: string) => void;
}

interface MarkdownIt {
  core: { ruler: { push: (name: string, rule: (state: { tokens: Token[] }) => void) => void } };
}

/** The id of a heading, as GitHub makes it: the pages link to these. */
export const githubAnchors = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "")
    .replaceAll(" ", "-");

/**
 * Prepares the links of a page for VitePress. A README becomes the index of its folder. A file that is not a page opens
 * as it is: with a target, VitePress does not take it for a page.
 */
export function prepareLinks(md: MarkdownIt): void {
  md.core.ruler.push("links-to-files", ({ tokens }) => {
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === "link_open" ? token.attrGet("href") : null;
      if (!href || /^(#|[a-z]+:)/.test(href)) continue;
      if (/\.md(#|$)/.test(href)) token.attrSet("href", href.replace(/(^|\/)README\.md/, "$1index.md"));
      else token.attrSet("target", "_blank");
    }
  });
}
