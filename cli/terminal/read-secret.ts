import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { CommandError } from "../exit.ts";
import { askSecret } from "./ask.ts";

/**
 * Reads a secret from a file, from stdin (`-`), or from a prompt without echo if there is no file. Never from an
 * argument: other users of the machine can see arguments. Drops white space around it.
 *
 * @throws CommandError for a file that is empty or cannot be read
 */
export async function readSecret(name: string, file: string | undefined, option: string): Promise<Secret> {
  if (file === undefined) return askSecret(name, `${option} FILE, or ${option} - for stdin`);
  const text = (await readText(file, option)).trim();
  if (text === "") {
    const source = file === "-" ? "stdin" : `The file of ${option}`;
    throw new CommandError("usage", `${source} is empty. It must contain: ${name}.`);
  }
  return new Secret(text);
}

async function readText(file: string, option: string): Promise<string> {
  if (file === "-") return readAll(process.stdin);
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Does not repeat the file's name: it may be the secret itself.
    const next = "Give the name of a file, or - for stdin, never the secret itself";
    throw new CommandError("usage", `The file of ${option} cannot be read (${code}). ${next}.`);
  }
}
