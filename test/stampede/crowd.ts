import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Order, ProcessAnswer, Report } from "./process.ts";
import type { Stage } from "../../fixtures/stage.ts";

let started = 0;
const processPath = fileURLToPath(new URL("process.ts", import.meta.url));

/** Real processes that run the built function. */
export interface Crowd {
  /** Sends all requests of the order at once, in every process. */
  ask(order: Order): Promise<ProcessAnswer[]>;
  /** Kills every process at once. */
  kill(): Promise<void>;
}

/**
 * Starts processes, each with this number of environments of the bundle in a folder, and without the environment
 * variables of this process. Resolves when all are loaded.
 *
 * @param stage has a connection for each environment, which replaces its token while it starts
 */
export async function startCrowd(
  processes: number,
  environments: number,
  folder: string,
  stage: Stage,
): Promise<Crowd> {
  const children = Array.from({ length: processes }, () => {
    const warmUp = `warm-up-${(started += 1)}`;
    for (let number = 1; number <= environments; number += 1) stage.register(`${warmUp}-${number}`);
    return fork(processPath, [join(folder, "index.mjs"), String(environments), warmUp], {
      env: stage.environment,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
  });
  await Promise.all(children.map((child) => nextReport(child)));

  return {
    async ask(order) {
      const reports = children.map((child) => nextReport(child));
      for (const child of children) child.send(order);
      return (await Promise.all(reports)).flatMap((report) => (report.kind === "answered" ? report.answers : []));
    },
    async kill() {
      const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
      const ended = Promise.all(running.map((child) => once(child, "exit")));
      for (const child of running) child.kill("SIGKILL");
      await ended;
    },
  };
}

/** The next message of a process. Rejects if it ends instead. */
async function nextReport(child: ChildProcess): Promise<Report> {
  const over = new AbortController();
  const { signal } = over;
  try {
    const ended = once(child, "exit", { signal }).then(([code]) => {
      throw new Error(`A process of the crowd ended with ${String(code)}.`);
    });
    const [report] = (await Promise.race([once(child, "message", { signal }), ended])) as [Report];
    return report;
  } finally {
    over.abort();
  }
}
