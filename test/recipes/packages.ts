import { spawnSync } from "node:child_process";
import { install } from "../examples/debian.ts";

// Debian's own, because the libraries are packages of Debian. Other versions may come first on the PATH.
export const python = "/usr/bin/python3";
export const php = "/usr/bin/php";

const packages = "python3-requests php-cli php-curl curl default-jdk-headless";

const succeeds = (program: string, ...args: string[]) => spawnSync(program, args, { stdio: "ignore" }).status === 0;

/** Before the tests: Debian's Python and PHP with their HTTP libraries, curl and a JDK. */
export default function setup(): void {
  install(
    packages.split(" "),
    () =>
      succeeds(python, "-c", "import requests") &&
      succeeds(php, "-r", "curl_version();") &&
      succeeds("javac", "--version") &&
      succeeds("curl", "--version"),
  );
}
