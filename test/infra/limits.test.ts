import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { maxConnections } from "../../infra/settings/schemas.ts";
import { readDeploymentSettings } from "../../infra/settings/read.ts";
import { callsCaller, everything, keyCaller, synthesise } from "./synth.ts";

/** As many ids or names of the greatest length, with hyphens. */
const listOf = (count: number) => Array.from({ length: count }, (_, index) => `${"a-".repeat(29)}b${1000 + index}`);

test("The longest list of connections is 450: one more is rejected with the command for more", () => {
  const read = (count: number) =>
    readDeploymentSettings((key) => (key === "connections" ? listOf(count) : undefined)).connections.length;

  expect(read(450)).toBe(maxConnections);
  expect(() => read(451)).toThrow(
    /^The setting "connections" must have at most 450 ids, [^.]*"npx broker connections add ID"[^.]*; it is a list\. Nothing was changed\./,
  );
});

const principals = (count: number, connections: number) =>
  listOf(count).map((name) => ({ name, connections: listOf(connections), principal: "210987654321" }));

test.each([
  ["entries", principals(101, 1), "101 entries with principal, and 101 connections in all of them"],
  ["connections of them", [...principals(99, 5), ...principals(1, 6).map((each) => ({ ...each, name: "a" }))], "501"],
])(
  "The longest list of callers with a role has 100 entries and 500 connections: more %s are rejected",
  (_, callers, words) => {
    const read = (list: object[]) => readDeploymentSettings((key) => (key === "callers" ? list : undefined));

    expect(read(principals(100, 5)).callers).toHaveLength(100);
    expect(() => read(callers)).toThrow(words);
  },
);

// Source: AWS CloudFormation User Guide, 'Understand CloudFormation quotas'.
test("With the longest lists, every stack is within CloudFormation's 500 resources, 200 outputs and 1 MB, with room to spare", () => {
  const { assembly, outdir } = synthesise({
    connections: listOf(maxConnections),
    shards: 16,
    callers: [...principals(100, 5), keyCaller, callsCaller],
  });
  const sizes = assembly.stacks.map(({ id, template, templateFile }) => ({
    id,
    resources: Object.keys(template.Resources).length,
    outputs: Object.keys(template.Outputs).length,
    bytes: statSync(join(outdir, templateFile)).size,
  }));

  // State: key, alias, table. Rotation: 16 schedules of the sweep, and 17 others.
  expect(sizes.map(({ id, resources }) => [id, resources])).toEqual(
    expect.arrayContaining([
      ["State", maxConnections + 3],
      ["Rotation", maxConnections + 33],
    ]),
  );
  for (const { resources, outputs, bytes } of sizes) {
    expect(resources).toBeLessThanOrEqual(500 - 15);
    expect(outputs).toBeLessThan(200);
    expect(bytes).toBeLessThan(1_000_000);
  }
});

// CloudFormation reads an output again for each of these places, one in a second, and may throttle itself (aws/aws-cdk#38010).
test("The stack Monitoring names outputs of other stacks in at most 17 places", () => {
  const { template } = synthesise(everything).assembly.getStackByName("smart-token-broker-dev-monitoring");

  expect(JSON.stringify(template).split('"Fn::GetStackOutput"').length - 1).toBeLessThanOrEqual(17);
});
