/**
 * ` Did you mean NAME?` for the name that differs least from a mistyped one. Empty if each differs in more than one character of
 * three: then a person meant something else.
 */
export function didYouMean(mistyped: string, names: Iterable<string>): string {
  let best: string | undefined;
  let least = Math.floor(mistyped.length / 3) + 1;
  for (const name of names) {
    const distance = editDistance(mistyped.toLowerCase(), name.toLowerCase(), least);
    if (distance < least) [best, least] = [name, distance];
  }
  return best === undefined ? "" : ` Did you mean ${best}?`;
}

/** Characters to insert, delete, replace or swap with the next one. `limit` or more: at least `limit`. */
function editDistance(one: string, other: string, limit: number): number {
  let [beforeLast, last]: number[][] = [[], Array.from({ length: other.length + 1 }, (_, at) => at)];
  for (let at = 1; at <= one.length; at++) {
    const row = [at];
    for (let to = 1; to <= other.length; to++) {
      const isSame = one[at - 1] === other[to - 1];
      const isSwapped = one[at - 1] === other[to - 2] && one[at - 2] === other[to - 1];
      row.push(
        Math.min(
          (last?.[to] ?? 0) + 1,
          (row[to - 1] ?? 0) + 1,
          (last?.[to - 1] ?? 0) + (isSame ? 0 : 1),
          isSwapped ? (beforeLast?.[to - 2] ?? 0) + 1 : limit,
        ),
      );
    }
    [beforeLast, last] = [last, row];
  }
  return last?.[other.length] ?? limit;
}
