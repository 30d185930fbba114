import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { brokenLinks } from "./broken-links.ts";
import { collectPages } from "./pages.ts";

const site = import.meta.dirname;
const root = join(site, "..");
const folder = join(root, "build/docs");
const usage = `npm run docs: builds the pages as a site, in build/docs
npm run docs -- --serve: serves it on your machine afterwards
npm run docs -- --base /PATH/: for a server that has the site below a path`;

const { serve, base, help } = parseArgs({
  options: { serve: { type: "boolean" }, base: { type: "string", default: "/" }, help: { type: "boolean" } },
}).values;
if (help) {
  console.log(usage);
  process.exit(0);
}

/** Runs a program in the site's folder. Ends this process if it fails. */
function run(program: string, ...args: string[]): void {
  const { status, error } = spawnSync(program, args, { cwd: site, stdio: "inherit" });
  if (status === 0) return;
  console.error(
    error ? `${program} did not start: ${error.message}` : `${program} ${args[0]} failed. No site was built.`,
  );
  process.exit(1);
}

/** Installs the generator on the first use, and after its lock file changed. */
function install(): void {
  const installed = join(site, "node_modules/.package-lock.json");
  const lock = join(site, "package-lock.json");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  const ci = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
  // `npm run` names its own program. On Windows, node cannot start `npm`, which is a script of the shell there.
  const npm = process.env["npm_execpath"];
  if (npm) run(process.execPath, npm, ...ci);
  else run("npm", ...ci);
}

const vitepress = "node_modules/vitepress/bin/vitepress.js";

install();
collectPages(root, join(site, "build/pages"));
run(process.execPath, vitepress, "build", "--base", base);
const broken = brokenLinks(folder, base);
if (broken.length > 0) {
  console.error(`These links lead nowhere:\n${broken.join("\n")}`);
  process.exit(1);
}
console.log(`The site is in ${folder}. To read it: npm run docs -- --serve`);
if (serve) {
  const preview = [
    "node_modules/vite/bin/vite.js",
    "preview",
    "--host",
    "127.0.0.1",
    "--base",
    base,
    "--outDir",
    folder,
  ];
  // Ctrl-C ends the server, which is no failure.
  spawnSync(process.execPath, preview, { cwd: site, stdio: "inherit" });
}
