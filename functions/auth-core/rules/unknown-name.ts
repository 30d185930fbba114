/**
 * How a text names an unknown field. Somebody may have pasted a key there, so only a name of at most 24 letters is shown:
 * `"colour"`. Of any other, its position and length are: `4 (a name of 52 characters)`.
 *
 * @param all the names of all fields, in their order
 */
export function unknownName(name: string, all: readonly string[]): string {
  if (/^[A-Za-z]{1,24}$/.test(name)) return `"${name}"`;
  return `${all.indexOf(name) + 1} (a name of ${name.length} characters)`;
}
