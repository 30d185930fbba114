import { existsSync } from "node:fs";
import { installPackages } from "../../tools/packages.ts";
import { runtimeClient, runtimeClientFolder } from "../../tools/runtime-client.ts";
import { install } from "../examples/debian.ts";

const programs = ["cmake", "g++", "make", "python3", "xz"].map((name) => `/usr/bin/${name}`);

/** Before the tests: the runtime client, which npm compiles. That takes a minute or two, once. */
export default function setup(): void {
  if (runtimeClient()) return;
  if (process.platform !== "linux")
    throw new Error("These tests need Linux: Lambda's runtime client runs nowhere else.");
  install(["cmake", "g++", "make", "python3", "xz-utils"], () => programs.every(existsSync));
  installPackages(runtimeClientFolder);
}
