import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Gives a run of the tests a temporary folder of its own, and removes it with all that the tests leave in it. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "smart-token-broker-tests-"));
  process.env["TMPDIR"] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
