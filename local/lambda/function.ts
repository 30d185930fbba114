import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Worker } from "node:worker_threads";
import type { EnvironmentData, Invocation, Message } from "./worker.ts";

export interface FunctionOptions {
  name: string;
  /** Absolute path of the bundle. */
  folder: string;
  /** `file.export`, as Lambda has it. */
  handler: string;
  timeoutSeconds: number;
  memoryMegabytes: number;
  environment: Record<string, string>;
  /** Most environments at a time; further invocations wait for one. */
  mostEnvironments?: number;
  /** One line that the function printed. */
  onLog: (line: string) => void;
}

export interface LocalFunction {
  /** The function's result. Rejects if it threw, ended or timed out. */
  invoke: (event: unknown) => Promise<unknown>;
  close: () => Promise<void>;
}

/**
 * Runs a bundle as Lambda does: execution environments that keep their state, each a worker thread that serves one
 * invocation at a time; one that crashes or times out is thrown away. Resolves when the first one is warm.
 *
 * Does not freeze environments between invocations, and knows nothing of roles: what a function may do is not limited.
 */
export async function startFunction(options: FunctionOptions): Promise<LocalFunction> {
  const { mostEnvironments = 8 } = options;
  const idle: Worker[] = [];
  const all = new Set<Worker>();
  const waiting: ((worker: Worker) => void)[] = [];
  let closed = false;

  async function start(): Promise<Worker> {
    const worker = startEnvironment(options);
    all.add(worker);
    worker.on("exit", () => {
      all.delete(worker);
      const index = idle.indexOf(worker);
      if (index >= 0) idle.splice(index, 1);
    });
    // Rejects with the error of a bundle that cannot be loaded.
    await once(worker, "message");
    return worker;
  }

  function take(): Promise<Worker> {
    const worker = idle.pop();
    if (worker) return Promise.resolve(worker);
    if (all.size < mostEnvironments) return start();
    return new Promise((resolve) => waiting.push(resolve));
  }

  function giveBack(worker: Worker): void {
    const next = waiting.shift();
    if (next) next(worker);
    else idle.push(worker);
  }

  async function replaceBroken(worker: Worker): Promise<void> {
    await worker.terminate();
    const next = waiting.shift();
    if (next && !closed) next(await start());
  }

  idle.push(await start());
  return {
    async invoke(event) {
      const worker = await take();
      try {
        const message = await invokeOnce(worker, event, options);
        giveBack(worker);
        if (message.kind === "error") throw new Error(`${options.name} failed: ${message.message}`);
        return message.kind === "result" ? message.result : undefined;
      } catch (error) {
        if (error instanceof BrokenEnvironmentError) await replaceBroken(worker);
        throw error;
      }
    },
    async close() {
      closed = true;
      await Promise.all([...all].map((worker) => worker.terminate()));
    },
  };
}

/** The environment is not to be used again: it crashed, ended or ran out of time. */
class BrokenEnvironmentError extends Error {}

function startEnvironment(options: FunctionOptions): Worker {
  const [file = "", exported = ""] = options.handler.split(".");
  const workerData: EnvironmentData = {
    entry: join(options.folder, `${file}.mjs`),
    exported,
    functionName: options.name,
    timeoutSeconds: options.timeoutSeconds,
    memoryMegabytes: options.memoryMegabytes,
  };
  const worker = new Worker(new URL("worker.ts", import.meta.url), {
    workerData,
    env: options.environment,
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: options.memoryMegabytes },
  });
  // Whoever waits for the environment hears of it; without a listener an idle one would end the whole local run.
  worker.on("error", (error) => options.onLog(`${options.name}: ${String(error)}`));
  for (const stream of [worker.stdout, worker.stderr]) createInterface({ input: stream }).on("line", options.onLog);
  return worker;
}

async function invokeOnce(worker: Worker, event: unknown, options: FunctionOptions): Promise<Message> {
  const invocation: Invocation = { requestId: randomUUID(), event };
  const over = new AbortController();
  const timeout = setTimeout(() => over.abort(), options.timeoutSeconds * 1000);
  try {
    worker.postMessage(invocation);
    const ended = once(worker, "exit", { signal: over.signal }).then(([code]) => {
      throw new BrokenEnvironmentError(`${options.name} ended with exit code ${String(code)}.`);
    });
    const [message] = (await Promise.race([once(worker, "message", { signal: over.signal }), ended])) as [Message];
    return message;
  } catch (error) {
    if (error instanceof Error && error.name === "AbortError") {
      throw new BrokenEnvironmentError(`${options.name} timed out after ${options.timeoutSeconds} seconds.`);
    }
    throw error instanceof BrokenEnvironmentError ? error : new BrokenEnvironmentError(String(error));
  } finally {
    clearTimeout(timeout);
    over.abort();
  }
}
