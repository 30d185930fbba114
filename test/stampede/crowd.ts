import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Order, ProcessAnswer, Report } from "./process.ts";

const processPath = fileURLToPath(new URL("process.ts", import.meta.url));

/** Real processes that run the built function. */
export interface Crowd {
  /** Loads that many fresh environments into every process, and then asks all of them in one instant. */
  ask(...orders: Order[]): Promise<ProcessAnswer[]>;
  /** Asks, and does not wait for answers: for a crowd that is to be killed. */
  askOnly(...orders: Order[]): Promise<void>;
  /** Asks the environments of the last orders once more. */
  askAgain(): Promise<ProcessAnswer[]>;
  /** Ends every process at once, whatever it does. */
  kill(): Promise<void>;
}

/** Starts so many processes, of the bundle in a folder, with nothing of this process's environment. */
export async function startCrowd(processes: number, folder: string, env: Record<string, string>): Promise<Crowd> {
  const children = Array.from({ length: processes }, () =>
    fork(processPath, [join(folder, "index.mjs")], { env, stdio: ["ignore", "ignore", "inherit", "ipc"] }),
  );
  await Promise.all(children.map((child) => next(child, "ready")));

  async function load(orders: Order[]): Promise<void> {
    await Promise.all(children.map((child) => said(child, orders, "loaded")));
  }

  async function go(): Promise<ProcessAnswer[]> {
    const reports = await Promise.all(children.map((child) => said(child, "go", "answered")));
    return reports.flatMap((report) => (report.kind === "answered" ? report.answers : []));
  }

  return {
    async ask(...orders) {
      await load(orders);
      return go();
    },
    async askOnly(...orders) {
      await load(orders);
      for (const child of children) child.send("go");
    },
    askAgain: go,
    async kill() {
      const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
      const ended = Promise.all(running.map((child) => once(child, "exit")));
      for (const child of running) child.kill("SIGKILL");
      await ended;
    },
  };
}

function said(child: ChildProcess, message: Order[] | "go", kind: Report["kind"]): Promise<Report> {
  const report = next(child, kind);
  child.send(message);
  return report;
}

/** What a process says next, which must be of a kind. Rejects if it ends instead. */
async function next(child: ChildProcess, kind: Report["kind"]): Promise<Report> {
  const over = new AbortController();
  const { signal } = over;
  try {
    const ended = once(child, "exit", { signal }).then(([code]) => {
      throw new Error(`A process of the crowd ended with ${String(code)}.`);
    });
    const [report] = (await Promise.race([once(child, "message", { signal }), ended])) as [Report];
    if (report.kind !== kind) throw new Error(`A process of the crowd said ${report.kind} instead of ${kind}.`);
    return report;
  } finally {
    over.abort();
  }
}
