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
  /** `file.export`, as in Lambda. */
  handler: string;
  timeoutSeconds: number;
  memoryMegabytes: number;
  environment: Record<string, string>;
  /** Maximum number of environments; further invocations wait for one. */
  maxEnvironments?: number;
  /** Receives each line that the function prints. */
  onLog: (line: string) => void;
}

export interface LocalFunction {
  /** Resolves with the function's result. Rejects if it throws, exits, times out or is closed. */
  invoke: (event: unknown) => Promise<unknown>;
  /** Later invocations get new environments, which load the bundle again, as after a deployment. */
  restart: () => Promise<void>;
  close: () => Promise<void>;
}

/** Seconds that an environment may take to load its bundle, as on Lambda. */
const loadSeconds = 10;

/**
 * Runs a bundle as Lambda does. An execution environment is a worker thread that keeps its state and serves one
 * invocation at a time; one that crashes or times out is discarded. Resolves when the first one is warm.
 *
 * Does not freeze environments between invocations, and does not apply IAM roles to the function.
 */
export async function startFunction(options: FunctionOptions): Promise<LocalFunction> {
  const { maxEnvironments = 8 } = options;
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
      // The environment is free or gone: the next invocation can start.
      waiting.shift()?.(start());
    });
    await nextMessage(worker, options.name, loadSeconds);
    return worker;
  }

  function take(): Promise<Worker> {
    const worker = idle.pop();
    if (worker) return Promise.resolve(worker);
    if (all.size < maxEnvironments) return start();
    return new Promise((resolve) => waiting.push(resolve));
  }

  /** Environments of before the last restart. */
  const outdated = new Set<Worker>();

  function giveBack(worker: Worker): void {
    // Its exit lets the next invocation start.
    if (outdated.delete(worker)) return void worker.terminate();
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
    async restart() {
      for (const worker of all) outdated.add(worker);
      await Promise.all(
        idle.splice(0).map((worker) => {
          outdated.delete(worker);
          return worker.terminate();
        }),
      );
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
  // An invocation in progress rejects. Without this listener an idle environment would end the whole local run.
  worker.on("error", (error) => options.onLog(`${options.name}: ${String(error)}`));
  for (const stream of [worker.stdout, worker.stderr]) createInterface({ input: stream }).on("line", options.onLog);
  return worker;
}

/**
 * The environment's next message: it is ready, or the outcome of its invocation. Rejects if it crashes, exits or times
 * out; the environment is then terminated and must not be used again.
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
