import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "../..");
const run = promisify(execFile);

/** Packages that the app's `package.json` names too: linked, so that no registry is needed. */
const linked = ["aws-cdk-lib", "constructs", "esbuild", "typescript", "@types/node", "@smithy/signature-v4"];

export interface Template {
  Metadata?: Record<string, unknown>;
  // oxlint-disable-next-line typescript/no-explicit-any -- a template is JSON of a hundred shapes
  Resources: Record<string, { Type: string; Properties: any; DependsOn?: string[]; DeletionPolicy?: string }>;
  Outputs: Record<string, { Value: unknown }>;
}

/** Builds and packs the package, and the client, which its example uses. Installs both tarballs into an empty folder. */
export async function installPackage(): Promise<{ folder: string; tarball: string }> {
  const folder = mkdtempSync(join(tmpdir(), "smart-token-broker-construct-"));
  const [tarball = "", client = ""] = await Promise.all(["cdk", "client"].map((name) => pack(name, folder)));
  writeFileSync(join(folder, "package.json"), '{"private": true}');
  // The peers are linked afterwards.
  const options = ["--offline", "--no-audit", "--no-fund", "--legacy-peer-deps"];
  await run("npm", ["install", ...options, tarball, client], { cwd: folder });
  for (const name of linked) {
    const link = join(folder, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, "node_modules", name), link);
  }
  mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
  symlinkSync("../esbuild/bin/esbuild", join(folder, "node_modules/.bin/esbuild"));
  return { folder, tarball };
}

async function pack(name: string, folder: string): Promise<string> {
  const cwd = join(root, "packages", name);
  await run("npm", ["pack", "--pack-destination", folder], { cwd });
  const { version } = JSON.parse(readFileSync(join(cwd, "package.json"), "utf8")) as { version: string };
  return join(folder, `smart-token-broker-${name}-${version}.tgz`);
}

/** An app in a folder of its own, which finds the installed packages. */
export function appIn(folder: string, name: string): string {
  const app = join(folder, name);
  cpSync(join(root, "examples/cdk-app"), app, { recursive: true });
  symlinkSync(join(folder, "node_modules"), join(app, "node_modules"));
  return app;
}

/** Runs a program of Node in the app's folder, and returns what it printed; throws if it fails. */
export async function node(app: string, ...args: string[]): Promise<string> {
  const { context } = JSON.parse(readFileSync(join(app, "cdk.json"), "utf8")) as { context: object };
  // The CDK's own validation takes seconds. nag.test.ts and cfn-lint validate the same resources.
  const env = {
    ...process.env,
    CDK_VALIDATION: "false",
    CDK_OUTDIR: join(app, "cdk.out"),
    CDK_CONTEXT_JSON: JSON.stringify(context),
  };
  const { stdout, stderr } = await run(process.execPath, args, { cwd: app, env });
  return stdout + stderr;
}

export const templateOf = (app: string, stack: string) =>
  JSON.parse(readFileSync(join(app, "cdk.out", `${stack}.template.json`), "utf8")) as Template;
