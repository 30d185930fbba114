import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Gives each run of the tests its own temporary folder, and deletes it afterwards. That takes seconds, while vitest ends
 * its workers: if it blocked, vitest would report that they do not end.
 */
export default function setup(): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "smart-token-broker-tests-"));
  process.env["TMPDIR"] = folder;
  return () => rm(folder, { recursive: true, force: true });
}
