import { expect, test } from "vitest";
import { maxConnections, readDeploymentSettings } from "../../infra/settings.ts";
import { synthesise } from "./synth.ts";

/** As many ids of the greatest length, with hyphens. */
const listOf = (count: number) => Array.from({ length: count }, (_, index) => `${"a-".repeat(29)}b${1000 + index}`);

test("The longest list of connections is 450: one more is rejected with the command for more", () => {
  const read = (count: number) =>
    readDeploymentSettings((key) => (key === "connections" ? listOf(count) : undefined)).connections.length;

  expect(read(450)).toBe(maxConnections);
  expect(() => read(451)).toThrow(
    /^The setting "connections" must have at most 450 ids, [^.]*"npx broker connections add ID"[^.]*; it is a list\. Nothing was changed\./,
  );
});

// Source: AWS CloudFormation User Guide, 'Understand CloudFormation quotas'.
test("With the longest list, every stack is within CloudFormation's 500 resources, 200 outputs and 1 MB, with room to spare", () => {
  const { assembly } = synthesise({ connections: listOf(maxConnections), shards: 16 });
  const sizes = assembly.stacks.map(({ id, template }) => ({
    id,
    resources: Object.keys(template.Resources).length,
    outputs: Object.keys(template.Outputs).length,
    bytes: JSON.stringify(template, undefined, 1).length,
  }));

  // State: key, alias, table. Rotation: 16 schedules of the sweep, and 15 others.
  expect(sizes.map(({ id, resources }) => [id, resources])).toEqual(
    expect.arrayContaining([
      ["State", maxConnections + 3],
      ["Rotation", maxConnections + 31],
    ]),
  );
  for (const { resources, outputs, bytes } of sizes) {
    expect(resources).toBeLessThanOrEqual(500 - 15);
    expect(outputs).toBeLessThan(200);
    expect(bytes).toBeLessThan(1_000_000);
  }
});
