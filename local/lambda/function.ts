import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { url as debuggerUrl } from "node:inspector";
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
  /** The function's result. Rejects if it threw, ended or timed out, or is closed. */
  invoke: (event: unknown) => Promise<unknown>;
  close: () => Promise<void>;
}

/** Seconds that an environment has to load its bundle, as on Lambda. */
const loadSeconds = 10;

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
  const waiting: ((worker: Promise<Worker> | Worker) => void)[] = [];
  let closed = false;

  async function start(): Promise<Worker> {
    if (closed) throw new Error(`${options.name} is closed.`);
    const worker = startEnvironment(options);
    all.add(worker);
    worker.on("exit", () => {
      all.delete(worker);
      const index = idle.indexOf(worker);
      if (index >= 0) idle.splice(index, 1);
      // There is room for one more, however this one ended.
      waiting.shift()?.(start());
    });
    await nextMessage(worker, options.name, loadSeconds);
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

  idle.push(await start());
  return {
    async invoke(event) {
      const worker = await take();
      worker.postMessage({ requestId: randomUUID(), event } satisfies Invocation);
      const message = await nextMessage(worker, options.name, options.timeoutSeconds);
      giveBack(worker);
      if (message.kind === "error") throw new Error(`${options.name} failed: ${message.message}`);
      return message.kind === "result" ? message.result : undefined;
    },
    async close() {
      closed = true;
      for (const next of waiting.splice(0)) next(start());
      await Promise.all([...all].map((worker) => worker.terminate()));
    },
  };
}

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

/**
 * What the environment says next: that it is ready, or how its invocation went. Rejects if it crashes, ends or runs out
 * of time instead; it is terminated then, and not to be used again.
 */
async function nextMessage(worker: Worker, name: string, seconds: number): Promise<Message> {
  const over = new AbortController();
  // A function that waits at a breakpoint is not late.
  const timeout = debuggerUrl() ? undefined : setTimeout(() => over.abort(), seconds * 1000);
  try {
    const ended = once(worker, "exit", { signal: over.signal }).then(([code]) => {
      throw new Error(`${name} ended with exit code ${String(code)}.`);
    });
    const [message] = (await Promise.race([once(worker, "message", { signal: over.signal }), ended])) as [Message];
    return message;
  } catch (error) {
    await worker.terminate();
    throw over.signal.aborted ? new Error(`${name} timed out after ${seconds} seconds.`) : error;
  } finally {
    clearTimeout(timeout);
    over.abort();
  }
}
