import { setTimeout as wait } from "node:timers/promises";
import { helpText, type Options, readOptions, UsageError } from "./options.ts";
import type { LocalRun } from "./run.ts";

/** Milliseconds to wait after the clean-up: npm forwards Ctrl-C, and reports an exit in that instant as a crash. */
const linger = 150;

/** Milliseconds to wait for the log lines of the first request. */
const maxLogDelay = 1000;

const say = (line: string) => process.stdout.write(`${line}\n`);
const printError = (line: string) => process.stderr.write(`${line}\n`);

/** Resolves after the last log line of a request. */
const logged = Promise.withResolvers<void>();

function log(line: string): void {
  printError(line);
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

try {
  const options = readOptions(process.argv.slice(2));
  if (options === "help") say(helpText);
  else await run(options);
} catch (error) {
  // A failure that the shutdown causes is not worth a message.
  if (!ending) printError(isUserError(error) ? error.message : explain(error));
  ending ??= end(1);
}

async function run(options: Options): Promise<void> {
  // Loaded late, so that the signal handlers above are in place within a tenth of a second.
  starting = import("./run.ts").then(({ startLocalRun }) => startLocalRun(options, log, aborted.signal));
  const running = await starting;
  if (ending) return;
  const { signedGet } = await import("./callers.ts");
  const { sampleCallerKey } = await import("./sample-callers.ts");
  const { simulatedAccount } = await import("./run.ts");
  const { url, region, callers, simulator } = running;
  const [[connection, registration] = ["webapicorso", {}]] = Object.entries(options.connections ?? {});
  const tokenUrl = `${url}/v1/connections/${connection}/token`;
  const [orders] = callers;
  if (!orders) throw new Error("The local run has no caller.");
  // The first request runs before anything is printed, so that its log lines do not appear in the middle of the output.
  const first = options.connections ? undefined : await answerOf(await signedGet(new URL(tokenUrl), orders, region));
  if (first) await Promise.race([logged.promise, wait(maxLogDelay, undefined, { ref: false })]);

  say(`dynamodb ${running.dynamoDbUrl}`);
  say(`secretsmanager ${running.secretsManagerUrl}`);
  say(`eventbridge ${running.eventBridgeUrl}`);
  say(`simulator ${simulator.url}`);
  say(`issuer ${running.issuerUrl}`);
  say("");
  say("Get a token:");
  say(
    `  curl --aws-sigv4 "aws:amz:${region}:execute-api" --user ${orders.accessKeyId}:${orders.secretAccessKey} ${tokenUrl}`,
  );
  if (!options.callers) {
    const { username, scope } = { ...simulatedAccount(connection), ...registration };
    say("");
    say("Get a token with the vendor's API (only the host and the credential differ):");
    say(
      `  curl ${url}/api/v1/auth/token --form 'username="${username}"' --form 'scope="${scope}"' --form 'token="Bearer ${sampleCallerKey}"'`,
    );
  }
  if (first) {
    say("");
    say(`The response (HTTP ${first.status}, token shortened):`);
    say(`  ${JSON.stringify({ ...first.body, ...shortened(first.body["access_token"]) })}`);
  }
  say("");
  say(`Watch it in a browser, and simulate failures of Smart Services: ${url}/`);
  say("");
  say(`ready ${url}`);
}

async function answerOf(response: Response): Promise<{ status: number; body: Record<string, unknown> }> {
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

function shortened(token: unknown): object {
  return typeof token === "string" ? { access_token: `${token.slice(0, 12)}…` } : {};
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
