import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Copies the sources, with what is not committed, to a temporary folder, and deletes it when the process ends.
 *
 * Stryker's own copy does not work here: it links `node_modules` as a whole, and in it `@smart-token-broker/*` are links to
 * the original sources, which have no mutations. So each package is linked, and these links lead to the copy.
 */
export function copySources(root: string): string {
  const copy = realpathSync(mkdtempSync(join(tmpdir(), "smart-token-broker-mutation-")));
  process.once("exit", () => rmSync(copy, { recursive: true, force: true }));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  const files = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root });
  for (const file of files.toString().split("\0")) {
    if (file !== "" && existsSync(join(root, file))) cpSync(join(root, file), join(copy, file));
  }
  const own = "@smart-token-broker";
  mkdirSync(join(copy, "node_modules", own), { recursive: true });
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (name !== own && !name.startsWith(".")) {
      symlinkSync(join(root, "node_modules", name), join(copy, "node_modules", name));
    }
  }
  for (const name of readdirSync(join(root, "node_modules", own))) {
    symlinkSync(readlinkSync(join(root, "node_modules", own, name)), join(copy, "node_modules", own, name));
  }
  return copy;
}
