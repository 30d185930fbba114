import fc from "fast-check";
import { expect } from "vitest";

/** A property test states its seed and number of runs. */
const runs = { seed: 20_261_126, numRuns: 1500 };

/** Inputs that must be accepted, and as many refused: a property also holds for a parser that accepts nothing. */
export const enough = 25;

/** Characters. A request line and each notice stay below it, with the fields that every line has. */
export const longestLine = 8192;

/** Texts that parsers often misread. */
export const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("", "__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "then", "toJSON"),
  fc.constantFrom("\uD800", "\uDC00x", "\u0000", "a\r\nx-fake: 1", "\uFEFF", "\u2028", "à", "\uFFFD", "٣", '"', "\\"),
  fc.constantFrom("9".repeat(400), "1e999", "-1e999", "-0", "NaN", "0x10", "1_0", " 1", "9007199254740993"),
  fc.constantFrom("%", "%zz", "%00", "&=&", "=", "[]", "{}", "null", "a=b;c", "../..", "*", "a".repeat(20_000)),
);

/** An object with any names. As JSON, `__proto__` is a name like others. */
export const objectOf = (values: fc.Arbitrary<unknown>, names: fc.Arbitrary<string> = text) =>
  fc.array(fc.tuple(names, values), { maxLength: 3 }).map((entries) => Object.fromEntries(entries) as object);

export const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.constantFrom(null, true, false, 0, -1, 1e308, 2 ** 53, 0.1),
    fc.array(tie("value"), { maxLength: 3 }),
    objectOf(tie("value")),
  ),
})).value;

/** A document whose members are usually valid, with some replaced, removed or added. */
export function damaged(valid: object, values: fc.Arbitrary<unknown> = json): fc.Arbitrary<Record<string, unknown>> {
  const names = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...Object.keys(valid)) }, text);
  const changed = fc
    .tuple(objectOf(values, names), fc.constantFrom(undefined, undefined, undefined, ...Object.keys(valid)))
    .map(([changes, removed]) =>
      Object.fromEntries(Object.entries({ ...valid, ...changes }).filter(([name]) => name !== removed)),
    );
  return fc.oneof(fc.constant({ ...valid }), changed);
}

const builtIns = [Object, Array, Map, String, Function].map(({ prototype }) => prototype as object);
const membersOfBuiltIns = () => builtIns.map((prototype) => Reflect.ownKeys(prototype).length).join();
const unpolluted = membersOfBuiltIns();

/** Checks a property, and that no input changed a prototype. */
export function holds<Input>(
  input: fc.Arbitrary<Input>,
  check: (input: Input) => void | Promise<void>,
  more: Partial<typeof runs> = {},
): Promise<void> {
  return fc.assert(
    fc.asyncProperty(input, async (each) => {
      await check(each);
      expect(membersOfBuiltIns()).toBe(unpolluted);
    }),
    { ...runs, ...more },
  );
}

/** The message of an error, which must be one that the code made. */
export function messageOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    expect((error as Error).constructor).toBe(Error);
    return (error as Error).message;
  }
}
