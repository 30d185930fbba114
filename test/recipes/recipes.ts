import { copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Recipe } from "./run-recipe.ts";

// Debian's own, because the libraries are packages of Debian. Other versions may come first on the PATH.
export const python = "/usr/bin/python3";
export const php = "/usr/bin/php";
export const guzzle = "/usr/share/php/GuzzleHttp/autoload.php";

const examples = join(import.meta.dirname, "../../examples");

const inPython = (file: string) => () => [python, join(examples, "python", file)];

/** An example in a folder of its own, where Composer would have installed Guzzle. */
function withGuzzle(file: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), "guzzle-"));
  mkdirSync(join(folder, "vendor"));
  writeFileSync(join(folder, "vendor/autoload.php"), `<?php require "${guzzle}";`);
  copyFileSync(file, join(folder, basename(file)));
  return [php, join(folder, basename(file))];
}

export const recipes: Recipe[] = [
  { name: "requests", oauth: false, command: inPython("requests_client.py") },
  { name: "authlib", oauth: true, command: inPython("authlib_client.py") },
  { name: "requests-oauthlib", oauth: true, command: inPython("requests_oauthlib_client.py") },
  { name: "php-curl", oauth: false, command: () => [php, join(examples, "php/curl_client.php")] },
  { name: "guzzle", oauth: true, command: () => withGuzzle(join(examples, "php/guzzle_client.php")) },
  { name: "bash", oauth: true, command: () => [join(examples, "bash/client.sh")] },
];
