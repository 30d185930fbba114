import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { text } from "node:stream/consumers";
import { join } from "node:path";
import { expect } from "vitest";
import { main } from "../../cli/main.ts";
import { searcherFor } from "../infra/canaries.ts";
import { operator, region, StartedCommand } from "../local/run-harness.ts";
import { runInProcess } from "../support/in-process.ts";

const root = join(import.meta.dirname, "../..");

export interface Ended {
  status: number | null;
  stdout: string;
  /** Without progress lines: on a busy machine any step may take over a second. */
  stderr: string;
  progress: string;
}

/** Hides the developer's own AWS configuration. */
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

interface Input {
  stdin?: string;
  env?: Record<string, string>;
}

/** What the commands of this process printed, and the keys and tokens that they handled. */
const printed: string[] = [];
const secrets = new Set<string>();

/** Keeps what a command printed. The output of the three commands that print a secret is a secret. */
function record(args: string[], output: string): void {
  const prints = /^(token (get|reject)|callers (key|add))$/.test(args.slice(0, 2).join(" "));
  if (!prints) printed.push(output);
  else for (const [secret] of output.matchAll(/\beyJ[\w.-]{20,}|\bstb_[\w-]{43}/g)) secrets.add(secret);
}

/** Runs `broker` without a terminal, in this process. */
export async function broker(args: string[], { stdin = "", env = {} }: Input = {}): Promise<Ended> {
  const { status, stdout, stderr } = await runInProcess(main, args, { stdin, env: { ...bare, ...env } });
  record(args, stdout + stderr);
  return withoutProgress({ status, stdout, stderr });
}

/** Runs `broker` without a terminal, in its own process. */
export function brokerProcess(args: string[], { stdin = "", env = {} }: Input = {}): Promise<Ended> {
  return run([...brokerCommand, ...args], stdin, env);
}

/** Runs `broker` in a pseudo-terminal, and types each answer when its question appears. */
export async function brokerInTerminal(
  args: string[],
  steps: [waitFor: string, type: string][],
  env: Record<string, string> = { NO_COLOR: "1" },
): Promise<{ status: number; output: string }> {
  const task = JSON.stringify({ argv: [...brokerCommand, ...args], steps });
  const { stdout, stderr } = await run(["python3", "test/cli/terminal.py"], task, { TERM: "xterm", ...env });
  if (stdout === "") throw new Error(stderr);
  const ended = JSON.parse(stdout) as { status: number; output: string };
  record(args, ended.output);
  return ended;
}

/** A local run for this test file, and `broker` on it. */
export class LocalBroker {
  readonly run: StartedCommand;

  /** @param options more options of `npm start` */
  constructor(options: string[] = []) {
    this.run = new StartedCommand(["--port", "0", ...options]);
  }

  async start(): Promise<this> {
    await this.run.ready();
    return this;
  }

  /** Ends the local run. Fails if a command that prints no secret printed one, in any encoding. */
  async remove(): Promise<void> {
    await this.run.remove();
    expect(searcherFor(secrets)(printed.join("\n"))).toEqual([]);
  }

  get options(): string[] {
    return ["--local-url", this.run.url("ready")];
  }

  /** Runs a command on the local run. */
  broker(args: string[], stdin?: string): Promise<Ended> {
    return broker([...args, ...this.options], stdin === undefined ? {} : { stdin });
  }

  /** Runs a command with `--json` and parses its output. Throws if it fails. */
  async json<Answer>(args: string[], stdin?: string): Promise<Answer> {
    const { status, stdout, stderr } = await this.broker([...args, "--json"], stdin);
    if (status !== 0) throw new Error(`status ${status}: ${stderr}${stdout}`);
    return JSON.parse(stdout) as Answer;
  }

  /** Gets a key from the simulator for the account that `add` registers. */
  async issueKey(id: string): Promise<string> {
    const { apiKey } = await this.run.simulator("/_simulator/keys", account(id));
    secrets.add(String(apiKey));
    return String(apiKey);
  }

  /** Adds a connection to the simulator, with key rotation off. Returns its key. */
  add(id: string, ...more: string[]): Promise<string> {
    return this.addRotating(id, "--rotate-every-days", "0", ...more);
  }

  /** As `add`, with key rotation on by default, which takes two seconds. */
  async addRotating(id: string, ...more: string[]): Promise<string> {
    const key = await this.issueKey(id);
    await this.json([...addCommand(id), "--api-base-url", this.run.url("simulator"), ...more], key);
    return key;
  }

  get secrets(): SecretsManager {
    return new SecretsManager({ endpoint: this.run.url("secretsmanager"), region, credentials: operator });
  }

  /** The simulator's counts of requests. */
  async counts(): Promise<{ exchange: number; business: number }> {
    const state = await (await fetch(`${this.run.url("simulator")}/_simulator`)).json();
    return (state as { counts: { exchange: number; business: number } }).counts;
  }

  async scenario(scenario: object): Promise<void> {
    await this.run.simulator("/_simulator", scenario);
  }
}

/** Asserts that a command failed with one line on stderr, nothing on stdout, and this exit code. */
export function expectError({ status, stdout, stderr }: Ended, code: number, message: RegExp): void {
  expect(stderr).toMatch(message);
  expect(stderr.trimEnd()).not.toContain("\n");
  expect({ status, stdout }).toEqual({ status: code, stdout: "" });
}

/** A checkout with these files, and the folder `settings`. */
export function checkoutWith(files: Record<string, unknown>): string {
  const folder = mkdtempSync(join(tmpdir(), "cli-test-"));
  mkdirSync(join(folder, "settings"));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), JSON.stringify(content));
  return folder;
}

/** What a local run at this URL answers for `/_local/deployment`. All its parts are there too. */
export const describedLocal = (url: string) => ({
  stage: "dev",
  region,
  accountId: "123456789012",
  partition: "aws",
  url,
  apiId: "fakeapi",
  tableName: "fake-table",
  secretPrefix: "smart-token-broker/dev",
  keyRotationFunctionArn: "arn:aws:lambda:eu-south-1:123456789012:function:fake-rotation",
  rotateApiKeysEveryDays: 90,
  corsOrigins: [] as string[],
  local: { dynamodb: url, secretsmanager: url, simulator: url },
});

export const secretName = (id: string) => `smart-token-broker/dev/${id}`;

/** `connections add`, which reads the key from stdin. */
export function addCommand(id: string): string[] {
  const { username, scope } = account(id);
  return ["connections", "add", id, "--username", username, "--scope", scope, "--key-file", "-"];
}

export function account(id: string): { username: string; scope: string } {
  return { username: `admin_${id}`, scope: `${id}_aly${id}` };
}
