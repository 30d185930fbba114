import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type Outcome, startRuntimeApi } from "./runtime-api.ts";

/** One execution environment: a process with the runtime client and a function. */
export interface Environment {
  process: ChildProcess;
  /** Everything that the process has printed. */
  printed: () => string;
  /** Sends an event; resolves with what the client reports. Rejects if the process ends instead. */
  invoke: (event: unknown) => Promise<Outcome>;
  close: () => Promise<void>;
}

/**
 * Starts the environment of a bundle, with these variables and those that Lambda sets.
 *
 * @param client entry file of the runtime client
 * @param folder of the bundle, whose `index.mjs` or `index.js` exports `handler`
 */
export async function startEnvironment(
  client: string,
  folder: string,
  variables: Record<string, string>,
): Promise<Environment> {
  const api = await startRuntimeApi();
  const child = spawn(process.execPath, [client], {
    cwd: folder,
    env: {
      AWS_LAMBDA_FUNCTION_NAME: "fake",
      AWS_LAMBDA_FUNCTION_VERSION: "1",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "1024",
      AWS_LAMBDA_LOG_GROUP_NAME: "/aws/lambda/fake",
      AWS_LAMBDA_LOG_STREAM_NAME: "fake",
      ...variables,
      AWS_LAMBDA_RUNTIME_API: api.address,
      LAMBDA_TASK_ROOT: folder,
      _HANDLER: "index.handler",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`The environment ended with exit code ${String(code)}:\n${output.slice(-2000)}`);
  });
  // It also ends when it is closed, which is no failure.
  ended.catch(() => undefined);

  return {
    process: child,
    printed: () => output,
    invoke(event) {
      api.send(event);
      return Promise.race([api.outcome(), ended]);
    },
    async close() {
      child.kill("SIGKILL");
      await ended.catch(() => undefined);
      await api.close();
    },
  };
}
