import { expect, it } from "vitest";
import { didYouMean } from "../../functions/auth-core/rules/did-you-mean.ts";

// cspell:ignore webapicosro webapicrso amce acem acmf acmexyz acxy emca xyme
const names = ["webapicorso", "acme", "acme-test", "shards"];

it.each([
  ["two letters swapped", "webapicosro", "webapicorso"],
  ["a letter missing", "webapicrso", "webapicorso"],
  ["two letters of a short name swapped", "amce", "acme"],
  ["its first two letters swapped", "came", "acme"],
  ["its last two letters swapped", "acem", "acme"],
  ["another letter", "acmf-test", "acme-test"],
  ["capitals", "Acme", "acme"],
  ["a plural", "shard", "shards"],
])("didYouMean finds the name for %s: %s", (_, mistyped, meant) => {
  expect(didYouMean(mistyped, names)).toBe(` Did you mean ${meant}?`);
});

it("didYouMean takes the name that differs least", () => {
  expect(didYouMean("acme-tes", ["acme-best", "acme-test"])).toBe(" Did you mean acme-test?");
});

it.each(["acxy", "xyme", "emca", "nobody", "a", "", "acmexyz", "webapi", "toString"])(
  "didYouMean is empty for %j: no name is like it",
  (other) => {
    expect(didYouMean(other, names)).toBe("");
  },
);
