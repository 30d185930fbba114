import { expect, it } from "vitest";
import { keyActionDetail } from "../../functions/auth-core/rules/keys/key-action.ts";

it("keyActionDetail is the cause as a sentence, the consequence if there is one, and the next step", () => {
  const step = "Check the labels with: broker keys status webapicorso";
  const detailOf = (...more: [cause: string, consequence?: string]) =>
    keyActionDetail("superseded", "webapicorso", ...more);

  expect(detailOf("version 1.2 became current")).toBe(`Version 1.2 became current. ${step}`);
  expect(detailOf("Version 1.2 became current.", "The rotation ended.")).toBe(
    `Version 1.2 became current. The rotation ended. ${step}`,
  );
});
