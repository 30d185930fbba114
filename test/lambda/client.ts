import { existsSync } from "node:fs";
import { join } from "node:path";
import { installedPackages, installPackages } from "../../tools/packages.ts";
import { install } from "../examples/debian.ts";

const folder = "test/lambda";
const programs = ["cmake", "g++", "make", "python3", "xz"].map((name) => `/usr/bin/${name}`);

/** Before the tests: the runtime client, which npm compiles. That takes a minute or two, once. */
export default function setup(): void {
  if (installedPackages(folder)) return;
  if (process.platform !== "linux")
    throw new Error("These tests need Linux: Lambda's runtime client runs nowhere else.");
  install(["cmake", "g++", "make", "python3", "xz-utils"], () => programs.every(existsSync));
  installPackages(folder);
}

/** The entry file of the installed runtime client; `undefined` if it is not installed. */
export function runtimeClient(): string | undefined {
  const modules = installedPackages(folder);
  return modules && join(modules, "aws-lambda-ric/index.mjs");
}
