import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const examples = join(import.meta.dirname, "..", "..", "examples");

/** Serves an example's pages with the application's own server, as its first lines say. Its origin, and its end. */
export async function servePages(
  folder: string,
  env: Record<string, string>,
): Promise<{ origin: string; close: () => Promise<void> }> {
  const args = [join(examples, "app/serve.mjs"), join(examples, folder)];
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "close");
  const [line] = await Promise.race([
    once(child.stdout, "data"),
    ended.then(() => Promise.reject(new Error("the pages' server ended"))),
  ]);
  ended.catch(() => undefined);
  return {
    origin: /^ready (\S+)/.exec(String(line))?.[1] ?? "",
    async close() {
      child.kill();
      await ended;
    },
  };
}
