import { expect, it } from "vitest";
import { didYouMean } from "../../functions/auth-core/rules/did-you-mean.ts";

// cspell:ignore webapicosro webapicrso amce accme acmf acmexyz
const names = ["webapicorso", "acme", "acme-test", "shards"];

it.each([
  ["another letter", "acmf-test", "acme-test"],
  ["capitals", "Acme", "acme"],
  ["a plural", "shard", "shards"],
])("didYouMean finds the name for %s: %s", (_, mistyped, meant) => {
  expect(didYouMean(mistyped, names)).toBe(` Did you mean ${meant}?`);
});

it.each(["nobody", "a", "", "acmexyz", "webapi", "toString"])(
  "didYouMean is empty for %j: no name is like it",
  (other) => {
    expect(didYouMean(other, names)).toBe("");
  },
);
