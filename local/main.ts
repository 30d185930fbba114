import { setTimeout as wait } from "node:timers/promises";
import { printErr, printOut } from "../console/print.ts";
import { helpText, type Options, readOptions, UsageError } from "./options.ts";
import type { LocalRun } from "./run.ts";

/** Milliseconds to wait after the clean-up: npm forwards Ctrl-C, and reports an exit in that instant as a crash. */
const linger = 150;

/** Milliseconds to wait for the log lines of the first request. */
const maxLogDelay = 1000;

const printError = (line: string) => printErr(`${line}\n`);

/** Resolves after the last log line of a request. */
const logged = Promise.withResolvers<void>();
let show: (line: string) => void = printError;

function log(line: string): void {
  show(line);
  if (line.includes('"Requests":')) logged.resolve();
}

let starting: Promise<LocalRun> | undefined;
let ending: Promise<never> | undefined;
const aborted = new AbortController();

async function end(status: number): Promise<never> {
  // An aborted start stops the parts that it has started.
  aborted.abort();
  await (await starting?.catch(() => undefined))?.close();
  await new Promise((resolve) => setTimeout(resolve, linger));
  process.exit(status);
}

// First of all: Ctrl-C during the start must stop everything cleanly too.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    ending ??= end(0);
  });
}

// npm's shell forwards no signal. SIGTERM to npm ends that shell, and this process gets another parent.
if (process.env["npm_lifecycle_event"] === "start") {
  const parent = process.ppid;
  const orphaned = () => {
    if (process.ppid !== parent) ending ??= end(0);
  };
  setInterval(orphaned, 250).unref();
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === "help") printOut(`${helpText}\n`);
  else await run(options);
} catch (error) {
  // A failure that the shutdown causes is not worth a message.
  if (!ending) printError(isUserError(error) ? error.message : explain(error));
  ending ??= end(1);
}

async function run(options: Options): Promise<void> {
  // Loaded late, so that the signal handlers above are in place within a tenth of a second.
  const { logOutput } = await import("./log-output.ts");
  const output = logOutput(process.stderr, options.logFile);
  show = output.show;
  if (process.stdout.isTTY) printOut("Starting. This takes some seconds.\n");
  starting = import("./run.ts").then(({ startLocalRun }) => startLocalRun(options, log, aborted.signal));
  const running = await starting;
  if (ending) return;
  const { signedGet } = await import("./callers/callers.ts");
  const { sampleConnection } = await import("./callers/sample-callers.ts");
  const { describeRun } = await import("./start-page.ts");
  const [[connection] = [sampleConnection]] = Object.entries(options.connections ?? {});
  const [orders] = running.callers;
  if (!orders) throw new Error("The local run has no caller.");
  // The first request runs before anything is printed, so that its log lines do not appear in the middle of the output.
  const tokenUrl = new URL(`${running.url}/v1/connections/${connection}/token`);
  const first = options.connections ? undefined : await answerOf(await signedGet(tokenUrl, orders, running.region));
  if (first) await Promise.race([logged.promise, wait(maxLogDelay, undefined, { ref: false })]);

  const lines = describeRun(running, options, connection, first);
  printOut(lines.map((line) => `${line}\n`).join(""));
  output.ready();
}

async function answerOf(response: Response): Promise<{ status: number; body: Record<string, unknown> }> {
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** A wrong option, or a wrong setting of stage dev. SettingError is known by name: its module takes time to load. */
function isUserError(error: unknown): error is Error {
  return error instanceof UsageError || (error instanceof Error && error.name === "SettingError");
}

/** One line for what the user can fix, the stack trace for a defect. */
function explain(error: unknown): string {
  const { code, port, stack } = error as NodeJS.ErrnoException & { port?: number };
  if (code === "EADDRINUSE")
    return `Port ${port} is in use. Choose another with --port NUMBER, or --port 0 for a free one.`;
  if (code === "EACCES") return `This user may not listen on port ${port}. Choose another with --port NUMBER.`;
  return stack ?? String(error);
}
