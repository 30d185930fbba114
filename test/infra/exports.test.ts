import { expect, test } from "vitest";
import { everything, synthesise } from "./synth.ts";

const { assembly } = synthesise(everything);
const templates = assembly.stacks.map(({ id, template }) => ({ id, template, text: JSON.stringify(template) }));

// CloudFormation does not delete an export that another stack imports: a deployment that removes one of these fails in
// every existing stage. Remove an import in one release, and its export in the next.
test("The stacks export the table and the key, and nothing else", () => {
  const exports = templates.flatMap(({ template }) =>
    Object.values<{ Export?: { Name: string } }>(template.Outputs).flatMap(({ Export }) => Export?.Name ?? []),
  );

  expect(exports).toEqual([
    "smart-token-broker-dev-state:ExportsOutputFnGetAttTableCD117FA1ArnE2C8C204",
    "smart-token-broker-dev-state:ExportsOutputFnGetAttKey961B73FDArn5A860C43",
    "smart-token-broker-dev-state:ExportsOutputRefTableCD117FA1D18A8047",
  ]);
});

test("Monitoring imports no export, so that it blocks no deployment of another stack, and is deployed after all of them", () => {
  const importing = templates.filter(({ text }) => text.includes("Fn::ImportValue")).map(({ id }) => id);
  const monitoring = assembly.stacks.find(({ id }) => id === "Monitoring");

  expect(importing).toEqual(["Api", "Rotation"]);
  expect(monitoring?.dependencies.map(({ id }) => id)).toEqual(expect.arrayContaining(["State", "Api", "Rotation"]));
});
