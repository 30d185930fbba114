import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CloudAssembly, readCloudAssembly } from "./assembly/cloud-assembly.ts";

/**
 * Synthesises the stacks as `cdk deploy` does, with the context of `cdk.json`; `context` replaces some of it.
 * `remove` deletes the cloud assembly and its bundles.
 */
export async function synthesise(
  context: Record<string, unknown>,
): Promise<{ assembly: CloudAssembly; remove: () => void }> {
  // TMPDIR may name a folder that does not exist yet: the debugger's is below build/.
  mkdirSync(tmpdir(), { recursive: true });
  const outdir = mkdtempSync(join(tmpdir(), "smart-token-broker-"));
  const remove = () => rmSync(outdir, { recursive: true, force: true });
  try {
    // Validation takes nearly a second. `cdk synth` and the tests validate what `cdk deploy` deploys.
    process.env["CDK_VALIDATION"] = "false";
    // Loaded late: the CDK takes most of the time of a start.
    const { brokerApp } = await import("../infra/app.ts");
    const options = { allowLoopbackHttp: true };
    brokerApp({ outdir, context: { ...cdkContext(), prober: undefined, ...context } }, options).synth();
    return { assembly: readCloudAssembly(outdir), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** The settings in cdk.json. Only the CDK's command line reads them otherwise. */
export function cdkContext(): { connections?: string[] } {
  const text = readFileSync(join(import.meta.dirname, "..", "cdk.json"), "utf8");
  return (JSON.parse(text) as { context: { connections?: string[] } }).context;
}
