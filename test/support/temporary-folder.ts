import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Gives each run of the tests its own temporary folder, and deletes it afterwards. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "smart-token-broker-tests-"));
  process.env["TMPDIR"] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
