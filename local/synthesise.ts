import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CloudAssembly, readCloudAssembly } from "./assembly/cloud-assembly.ts";

/**
 * Synthesises the stacks as `cdk deploy` would, with the context of `cdk.json` and some of it replaced.
 * `remove` deletes the cloud assembly, bundles included.
 */
export async function synthesise(
  context: Record<string, unknown>,
): Promise<{ assembly: CloudAssembly; remove: () => void }> {
  // TMPDIR may name a folder that does not exist yet: the debugger's is below build/.
  mkdirSync(tmpdir(), { recursive: true });
  const outdir = mkdtempSync(join(tmpdir(), "smart-token-broker-"));
  const remove = () => rmSync(outdir, { recursive: true, force: true });
  try {
    // Nearly a second of every synth; `cdk synth` and the tests validate what `cdk deploy` deploys.
    process.env["CDK_VALIDATION"] = "false";
    // Loaded only here, because the CDK is most of the time that a local run takes to start.
    const { brokerApp } = await import("../infra/app.ts");
    const options = { allowLoopbackHttp: true };
    brokerApp({ outdir, context: { ...cdkContext(), prober: undefined, ...context } }, options).synth();
    return { assembly: readCloudAssembly(outdir), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** The settings in cdk.json: without the CDK's command line nobody else reads them. */
export function cdkContext(): { connections?: string[] } {
  const text = readFileSync(join(import.meta.dirname, "..", "cdk.json"), "utf8");
  return (JSON.parse(text) as { context: { connections?: string[] } }).context;
}
