import { setTimeout as wait } from "node:timers/promises";
import { helpText, type Options, readOptions, UsageError } from "./options.ts";
import type { LocalRun } from "./run.ts";

/** Milliseconds to stay after the clean-up: npm passes a Ctrl-C on, and takes an exit in that instant for a crash. */
const linger = 150;

/** Milliseconds to wait for the log of a request that was answered. */
const maxLogLength = 1000;

const say = (line: string) => process.stdout.write(`${line}\n`);
const complain = (line: string) => process.stderr.write(`${line}\n`);

/** Resolved once the last line of a request's log has passed. */
const logged = Promise.withResolvers<void>();

function log(line: string): void {
  complain(line);
  if (line.includes('"Requests":')) logged.resolve();
}

let starting: Promise<LocalRun> | undefined;
let ending: Promise<never> | undefined;
const broken = new AbortController();

async function end(status: number): Promise<never> {
  // A start that is broken off ends its own parts.
  broken.abort();
  await (await starting?.catch(() => undefined))?.close();
  await new Promise((resolve) => setTimeout(resolve, linger));
  process.exit(status);
}

// Before anything else: a Ctrl-C during the start must end it as cleanly as one later.
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
  // What fails because everything is being ended is no news.
  if (!ending) complain(isMendable(error) ? error.message : explain(error));
  ending ??= end(1);
}

async function run(options: Options): Promise<void> {
  // Loaded only here, for the handlers above to be in place after a tenth of a second.
  starting = import("./run.ts").then(({ startLocalRun }) => startLocalRun(options, log, broken.signal));
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
  // Before anything is printed: what the functions log of it shall not stand in the middle, nor after it.
  const first = options.connections ? undefined : await answerOf(await signedGet(new URL(tokenUrl), orders, region));
  if (first) await Promise.race([logged.promise, wait(maxLogLength, undefined, { ref: false })]);

  say(`dynamodb ${running.dynamoDbUrl}`);
  say(`secretsmanager ${running.secretsManagerUrl}`);
  say(`eventbridge ${running.eventBridgeUrl}`);
  say(`simulator ${simulator.url}`);
  say(`issuer ${running.issuerUrl}`);
  say("");
  say("Ask for a token:");
  say(
    `  curl --aws-sigv4 "aws:amz:${region}:execute-api" --user ${orders.accessKeyId}:${orders.secretAccessKey} ${tokenUrl}`,
  );
  if (!options.callers) {
    const { username, scope } = { ...simulatedAccount(connection), ...registration };
    say("");
    say("Ask in the vendor's own words, with another host and another credential:");
    say(
      `  curl ${url}/api/v1/auth/token --form 'username="${username}"' --form 'scope="${scope}"' --form 'token="Bearer ${sampleCallerKey}"'`,
    );
  }
  if (first) {
    say("");
    say(`The answer just now (HTTP ${first.status}, token shortened):`);
    say(`  ${JSON.stringify({ ...first.body, ...shortened(first.body["access_token"]) })}`);
  }
  say("");
  say(`Watch it in a browser, and make its upstream fail: ${url}/`);
  say("");
  say(`ready ${url}`);
}

async function answerOf(response: Response): Promise<{ status: number; body: Record<string, unknown> }> {
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

function shortened(token: unknown): object {
  return typeof token === "string" ? { access_token: `${token.slice(0, 12)}…` } : {};
}

/** What the user got wrong: an option, or a setting in cdk.json, whose module is loaded with the rest of the CDK only. */
function isMendable(error: unknown): error is Error {
  return error instanceof UsageError || (error instanceof Error && error.name === "SettingError");
}

/** One line for what a user can mend; the stack for what only we can. */
function explain(error: unknown): string {
  const { code, port, stack } = error as NodeJS.ErrnoException & { port?: number };
  if (code === "EADDRINUSE")
    return `Port ${port} is in use. Choose another with --port NUMBER, or --port 0 for a free one.`;
  if (code === "EACCES") return `Port ${port} may not be used by this user. Choose another with --port NUMBER.`;
  return stack ?? String(error);
}
