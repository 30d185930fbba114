import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A file that only its owner can read, and that leads a browser to a URL. Other users of this machine see the arguments of
 * the programs that open a page: the file's path is there, and not the URL. `write` returns the path, `remove` deletes the
 * file and its folder.
 *
 * @param url has no character with a meaning in HTML
 */
export function redirectFile(url: string): { write: () => Promise<string>; remove: () => Promise<void> } {
  let folder: string | undefined;
  return {
    async write() {
      // Its mode is 0700.
      folder = await mkdtemp(join(tmpdir(), "broker-dashboard-"));
      const path = join(folder, "dashboard.html");
      await writeFile(path, `<!doctype html><meta http-equiv="refresh" content="0; url=${url}">\n`, { mode: 0o600 });
      return path;
    },
    async remove() {
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}
