import { importsOf, type Source } from "./imports.ts";

/** The groups of files that import each other in a circle, types included, each sorted. */
export function importCircles(sources: Source[]): string[][] {
  const imports = new Map(sources.map((source) => [source.file, importsOf(source).map(({ target }) => target)]));
  const reachable = (from: string): Set<string> => {
    const reached = new Set(imports.get(from));
    for (const file of reached) for (const target of imports.get(file) ?? []) reached.add(target);
    return reached;
  };
  const reach = new Map([...imports.keys()].map((file) => [file, reachable(file)]));
  const circles = [...reach].map(([file, reached]) =>
    [...reached]
      .filter((other) => reach.get(other)?.has(file))
      .toSorted()
      .join(" "),
  );
  return [...new Set(circles.filter(Boolean))].map((circle) => circle.split(" "));
}
