import { join } from "node:path";
import { installedPackages } from "./packages.ts";

/** The folder whose package is Lambda's runtime client. */
export const runtimeClientFolder = "test/lambda";

/** The entry file of the installed runtime client; `undefined` if it is not installed. */
export function runtimeClient(): string | undefined {
  const modules = installedPackages(runtimeClientFolder);
  return modules && join(modules, "aws-lambda-ric/index.mjs");
}
