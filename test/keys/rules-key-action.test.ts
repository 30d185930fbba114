import { expect, it } from "vitest";
import { keyActionDetail, reasonsOf } from "../../functions/auth-core/rules/keys/key-action.ts";
import { RotationError, superseded } from "../../functions/key-rotation/rules/rotation-error.ts";

it("keyActionDetail is the cause as a sentence, the consequence if there is one, and the next step", () => {
  const step = "Check the labels with: broker keys status webapicorso";
  const detailOf = (...more: [cause: string, consequence?: string]) =>
    keyActionDetail("superseded", "webapicorso", ...more);

  expect(detailOf("version 1.2 became current")).toBe(`Version 1.2 became current. ${step}`);
  expect(detailOf("Version 1.2 became current.", "The rotation ended.")).toBe(
    `Version 1.2 became current. The rotation ended. ${step}`,
  );
});

it("reasonsOf has the reasons of a function, or of those the ones that an alarm watches", () => {
  expect(reasonsOf({ by: "token-rotation" })).toEqual([
    "no_next_key_staged",
    "issuer_failed",
    "secret_not_ready",
    "rotation_stuck",
    "rotation_off",
  ]);
  expect(reasonsOf({ by: "token-rotation", alarm: "key-overdue" })).toEqual(["no_next_key_staged", "rotation_stuck"]);
});

it("A rotation's error has the reason in its message, and by default another attempt starts anew", () => {
  expect(superseded()).toMatchObject({
    name: "RotationError",
    message: "superseded: another value became current during this rotation",
    keepsPending: false,
  });
  expect(new RotationError("issuer_failed", "fake", { keepsPending: true }).keepsPending).toBe(true);
});
