import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { join } from "node:path";
import { main } from "../../cli/main.ts";
import { StartedCommand } from "../local/run-harness.ts";
import { runInProcess } from "../support/in-process.ts";

const root = join(import.meta.dirname, "../..");

export interface Ended {
  status: number | null;
  stdout: string;
  /** Without its lines of progress: on a busy machine anything may take over a second. */
  stderr: string;
  progress: string;
}

/** Nothing of the developer's own AWS configuration. */
const bare = {
  PATH: process.env["PATH"],
  HOME: "/nonexistent",
  AWS_CONFIG_FILE: "/dev/null",
  AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  AWS_EC2_METADATA_DISABLED: "true",
};

async function run(argv: string[], stdin: string, env: Record<string, string>): Promise<Ended> {
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { cwd: root, env: { ...bare, ...env } });
  child.stdin.end(stdin);
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return withoutProgress({ status, stdout, stderr });
}

function withoutProgress({ status, stdout, stderr: written }: Omit<Ended, "progress">): Ended {
  const [stderr, progress] = [false, true].map((wanted) =>
    (written.match(/.*\n|.+$/g) ?? []).filter((line) => line.endsWith(" …\n") === wanted).join(""),
  );
  return { status, stdout, stderr: stderr ?? "", progress: progress ?? "" };
}

const brokerCommand = [process.execPath, "cli/broker.ts"];

/** What a command is given besides its arguments. */
interface Given {
  stdin?: string;
  env?: Record<string, string>;
}

/** Runs `broker` without a terminal, in this process. */
export async function broker(args: string[], { stdin = "", env = {} }: Given = {}): Promise<Ended> {
  return withoutProgress(await runInProcess(main, args, { stdin, env: { ...bare, ...env } }));
}

/** Runs `broker` without a terminal, in a process of its own. */
export function brokerProcess(args: string[], { stdin = "", env = {} }: Given = {}): Promise<Ended> {
  return run([...brokerCommand, ...args], stdin, env);
}

/** Runs `broker` in a pseudo-terminal, and types each answer once its question is seen. */
export async function brokerInTerminal(
  args: string[],
  steps: [waitFor: string, type: string][],
  env: Record<string, string> = { NO_COLOR: "1" },
): Promise<{ status: number; output: string }> {
  const task = JSON.stringify({ argv: [...brokerCommand, ...args], steps });
  const { stdout, stderr } = await run(["python3", "test/cli/terminal.py"], task, { TERM: "xterm", ...env });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout) as { status: number; output: string };
}

/** A local run of its own, and `broker` on it. */
export class LocalBroker {
  readonly run = new StartedCommand(["--port", "0"]);

  async start(): Promise<this> {
    await this.run.ready();
    return this;
  }

  get options(): string[] {
    return ["--local-url", this.run.url("ready")];
  }

  /** Runs a command on the local run. */
  broker(args: string[], stdin?: string): Promise<Ended> {
    return broker([...args, ...this.options], stdin === undefined ? {} : { stdin });
  }

  /** Its answer as JSON; throws with its complaint where it fails. */
  async json<Answer>(args: string[], stdin?: string): Promise<Answer> {
    const { status, stdout, stderr } = await this.broker([...args, "--json"], stdin);
    if (status !== 0) throw new Error(`status ${status}: ${stderr}${stdout}`);
    return JSON.parse(stdout) as Answer;
  }

  /** A key of the simulator's for the account that `add` registers. */
  async issueKey(id: string): Promise<string> {
    const { apiKey } = await this.run.simulator("/_simulator/keys", account(id));
    return String(apiKey);
  }

  /** Adds a connection of the simulator's whose key does not rotate. Its key. */
  add(id: string, ...more: string[]): Promise<string> {
    return this.addRotating(id, "--rotate-every-days", "0", ...more);
  }

  /** Adds a connection of the simulator's, with rotation switched on unless told otherwise: that takes two seconds. Its key. */
  async addRotating(id: string, ...more: string[]): Promise<string> {
    const key = await this.issueKey(id);
    const { username, scope } = account(id);
    const of = ["--username", username, "--scope", scope, "--api-base-url", this.run.url("simulator")];
    await this.json(["connections", "add", id, ...of, "--key-file", "-", ...more], key);
    return key;
  }

  async mood(mood: object): Promise<void> {
    await this.run.simulator("/_simulator", mood);
  }
}

export function account(id: string): { username: string; scope: string } {
  return { username: `admin_${id}`, scope: `${id}_aly${id}` };
}
