import { it } from "vitest";
import { labelRules, newSubject } from "../local/secrets-manager-label-rules.ts";
import { openMoto } from "./client.ts";

for (const { name, check, motoInstead } of labelRules) {
  // Expected to fail: when moto fixes one of these, the test fails.
  const test = motoInstead === undefined ? it : it.fails;
  test(motoInstead === undefined ? name : `this rule is broken: ${name}; it ${motoInstead}`, async () => {
    await check(await newSubject(openMoto().client));
  });
}
