import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { CommandError } from "../exit.ts";
import { askSecret } from "./ask.ts";

/**
 * A secret from a file, from stdin where the file is `-`, or from a prompt without echo where there is none. Never from
 * an argument: other users of the machine see those. White space around it is dropped.
 *
 * @throws CommandError for a file that cannot be read or is empty
 */
export async function readSecret(what: string, file: string | undefined, option: string): Promise<Secret> {
  if (file === undefined) return askSecret(what, `${option} FILE, or ${option} - for stdin`);
  const text = (await readText(file, option)).trim();
  if (text === "") {
    const source = file === "-" ? "stdin" : `The file of ${option}`;
    throw new CommandError("usage", `${source} is empty; it should hold: ${what}.`);
  }
  return new Secret(text);
}

async function readText(file: string, option: string): Promise<string> {
  if (file === "-") return readAll(process.stdin);
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // What was given for its name may be the secret itself: it is not repeated.
    const advice = "it takes the name of a file, or - for stdin, and never a secret itself";
    throw new CommandError("usage", `The file of ${option} cannot be read (${code}): ${advice}.`);
  }
}
