import { fork } from "node:child_process";
import { once } from "node:events";
import type { Order, Replay } from "./replay-process.ts";

const path = new URL("replay-process.ts", import.meta.url).pathname;

/**
 * Starts a process that has these bundles, by name, and handles events with them. What they print goes to /dev/null.
 *
 * @param execArgv further options of node
 */
export async function startReplay(
  folders: Record<string, string>,
  env: Record<string, string>,
  execArgv: string[] = [],
) {
  const child = fork(path, [JSON.stringify(folders)], {
    env,
    execArgv: ["--expose-gc", ...execArgv],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`The process of the functions ended with ${String(code)}; its error is above.`);
  });
  ended.catch(() => undefined);
  const next = async <Message>() => ((await Promise.race([once(child, "message"), ended])) as [Message])[0];
  await next();
  return {
    /** Handles these events one after another, `repeat` times. Rejects at the first response other than 200. */
    async replay(name: string, events: object[], repeat = 1): Promise<Replay> {
      child.send({ name, events, repeat } satisfies Order);
      return next<Replay>();
    },
    async close(): Promise<void> {
      child.kill();
      await ended.catch(() => undefined);
    },
  };
}
