// cspell:ignore quasis

/** What this needs of a node of Stryker's syntax tree. */
interface Path {
  isStringLiteral(): boolean;
  isTemplateLiteral(): boolean;
  node: { value?: string; quasis?: { value: { raw: string } }[] };
}

/** Stryker does not change a text for people, a string with a blank: tests do not compare the wording of logs and errors. */
function shouldIgnore(path: Path): string | undefined {
  const { value = "", quasis = [] } = path.node;
  const texts = path.isStringLiteral() ? [value] : path.isTemplateLiteral() ? quasis.map((each) => each.value.raw) : [];
  return texts.some((text) => text.trim().includes(" ")) ? "wording" : undefined;
}

/** Stryker reads this name. */
export const strykerPlugins = [{ kind: "Ignore", name: "wording", value: { shouldIgnore } }];
