import { parentPort, workerData } from "node:worker_threads";
import { pathToFileURL } from "node:url";

/** The start parameters of an environment. */
export interface EnvironmentData {
  /** Absolute path of the bundle's entry file. */
  entry: string;
  /** Name of the exported handler. */
  exported: string;
  functionName: string;
  timeoutSeconds: number;
  memoryMegabytes: number;
}

/** From the runner to an environment: one invocation. */
export interface Invocation {
  requestId: string;
  event: unknown;
}

/** From an environment to the runner. */
export type Message =
  | { kind: "ready" }
  | { kind: "result"; requestId: string; result: unknown }
  | { kind: "error"; requestId: string; message: string };

type Handler = (event: unknown, context: object) => unknown;

// One Lambda execution environment: loads the bundle once, then serves one invocation after the other.
const { entry, exported, functionName, timeoutSeconds, memoryMegabytes } = workerData as EnvironmentData;
const bundle = (await import(pathToFileURL(entry).href)) as Record<string, Handler>;
const handler = bundle[exported];
if (!handler) throw new Error(`The bundle of ${functionName} exports no ${exported}.`);
const post = (message: Message) => parentPort?.postMessage(message);

parentPort?.on("message", ({ requestId, event }: Invocation) => {
  const endsAt = performance.now() + timeoutSeconds * 1000;
  const context = {
    functionName,
    functionVersion: "$LATEST",
    awsRequestId: requestId,
    memoryLimitInMB: String(memoryMegabytes),
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, endsAt - performance.now()),
  };
  Promise.resolve()
    .then(() => handler(event, context))
    .then(
      // The result is serialised as JSON, as in Lambda.
      (result) => post({ kind: "result", requestId, result: JSON.parse(JSON.stringify(result ?? null)) }),
      (error: unknown) => post({ kind: "error", requestId, message: String(error) }),
    );
});
post({ kind: "ready" });
