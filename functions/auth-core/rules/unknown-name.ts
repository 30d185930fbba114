/**
 * Names an unknown field in a message. The name may be a pasted key, so it is shown only if it is at most 24 letters:
 * `"colour"`. Any other is described by its position and length: `4 (a name of 52 characters)`.
 *
 * @param all the names of all fields, in their order
 */
export function unknownName(name: string, all: readonly string[]): string {
  if (/^[A-Za-z]{1,24}$/.test(name)) return `"${name}"`;
  return `${all.indexOf(name) + 1} (a name of ${name.length} characters)`;
}
