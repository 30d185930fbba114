import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { output } from "../local/run-harness.ts";

const root = join(import.meta.dirname, "../..");
const libraries = ["System.Net.Http.dll", "System.Runtime.Serialization.dll", "System.Xml.dll", "System.Core.dll"];

export const handler = "packages/dotnet/SmartTokenBrokerHandler.cs";

/** Compiles sources into a program that lasts as long as the test file. Any warning is an error. Its path. */
export async function compile(...sources: string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "dotnet-test-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const program = join(folder, "program.exe");
  const references = libraries.map((library) => `-r:${library}`);
  const options = ["-langversion:7", "-warn:4", "-warnaserror", "-main:Exit", `-out:${program}`];
  const files = [...sources, "test/dotnet/Exit.cs"].map((source) => join(root, source));
  await output("mcs", [...options, ...references, ...files]);
  return program;
}
