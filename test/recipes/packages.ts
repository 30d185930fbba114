import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { install } from "../examples/debian.ts";
import { guzzle, php, python } from "./recipes.ts";

const packages =
  "python3-requests python3-authlib python3-requests-oauthlib php-cli php-curl php-guzzlehttp-guzzle curl jq".split(
    " ",
  );

const succeeds = (program: string, ...args: string[]) => spawnSync(program, args, { stdio: "ignore" }).status === 0;

/** Before the tests: Debian's Python and PHP with their HTTP and OAuth libraries, curl and jq. */
export default function setup(): void {
  install(
    packages,
    () =>
      existsSync(guzzle) &&
      succeeds(python, "-c", "import requests, authlib, requests_oauthlib") &&
      succeeds(php, "-r", "curl_version();") &&
      succeeds("jq", "--version") &&
      succeeds("curl", "--version"),
  );
}
