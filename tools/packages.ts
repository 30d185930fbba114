import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

/**
 * Installs the packages of a folder that has its own package.json and lock file, once for each content of the lock file.
 * They are not among the project's own packages, because only a few commands need them. Returns their `node_modules`.
 *
 * @param folder relative to the root of the repository
 * @throws Error with the end of npm's output if they cannot be installed
 */
export function installPackages(folder: string): string {
  const { parent, target } = placeOf(folder);
  if (!existsSync(target)) {
    process.stderr.write(`Installing the packages of ${folder}, once. This can take some minutes.\n`);
    mkdirSync(parent, { recursive: true });
    const unfinished = mkdtempSync(join(parent, "unfinished-"));
    try {
      for (const file of ["package.json", "package-lock.json"])
        cpSync(join(root, folder, file), join(unfinished, file));
      // `npm run` names its own program. On Windows, node cannot start `npm`, which is a script of the shell there.
      const npm = process.env["npm_execpath"];
      const [program, args] = npm ? [process.execPath, [npm]] : ["npm", []];
      const ci = [...args, "ci", "--no-audit", "--no-fund"];
      const { status, stdout, stderr } = spawnSync(program, ci, { cwd: unfinished, encoding: "utf8" });
      if (status !== 0) {
        const end = `${stdout ?? ""}${stderr ?? ""}`.slice(-2000);
        throw new Error(`npm could not install the packages of ${folder}. Is the registry reachable?\n${end}`);
      }
      // Another process may have been faster.
      if (!existsSync(target)) renameSync(unfinished, target);
    } finally {
      rmSync(unfinished, { recursive: true, force: true });
    }
  }
  return join(target, "node_modules");
}

/** The `node_modules` of a folder's packages, if they are installed. */
export function installedPackages(folder: string): string | undefined {
  const { target } = placeOf(folder);
  return existsSync(target) ? join(target, "node_modules") : undefined;
}

/** `build/packages` survives an `npm ci`. */
function placeOf(folder: string): { parent: string; target: string } {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}`);
  hash.update(readFileSync(join(root, folder, "package-lock.json")));
  const parent = join(root, "build/packages");
  return { parent, target: join(parent, `${folder.replaceAll("/", "-")}-${hash.digest("hex").slice(0, 12)}`) };
}
