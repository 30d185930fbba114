import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readStageSettings, settingsFolder } from "../infra/settings/stage.ts";
import { type CloudAssembly, readCloudAssembly } from "./assembly/cloud-assembly.ts";

/**
 * Synthesises the stacks as `cdk deploy` does, with the settings of stage dev; `context` replaces some of them.
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
    brokerApp({ outdir, context: { ...cdkContext(), prober: undefined, ...context } }, options).synth();
    return { assembly: readCloudAssembly(outdir), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

const options = { allowLoopbackHttp: true, folder: settingsFolder };

/** The connections in the settings of stage dev. */
export function stageConnections(): string[] {
  // The local run has its own list of callers.
  return readStageSettings({ ...cdkContext(), callers: [] }, options).connections;
}

/** The context in cdk.json: the CDK's flags. Only the CDK's command line reads it otherwise. */
function cdkContext(): Record<string, unknown> {
  const text = readFileSync(join(import.meta.dirname, "..", "cdk.json"), "utf8");
  return (JSON.parse(text) as { context: Record<string, unknown> }).context;
}
