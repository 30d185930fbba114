import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { signedGet } from "../../local/callers/callers.ts";
import type { Identity } from "../../local/gateway/options.ts";

const root = join(import.meta.dirname, "..", "..");
// What `npm start` runs, without npm: it takes a second less.
export const command = [process.execPath, "--require", "./tools/require-node.cjs", "local/main.ts"];

export const region = "eu-south-1";
export const operator = { accessKeyId: "FAKEOPERATOR", secretAccessKey: "fake-operator-secret" };
export const orders = caller("LOCALORDERS", "local-orders-secret");
export const audit = caller("LOCALAUDIT", "local-audit-secret");

function caller(accessKeyId: string, secretAccessKey: string): Identity {
  return { accessKeyId, secretAccessKey, userArn: "", allow: [] };
}

/** The command of the local run in its own process, with its own temporary folder. */
export class StartedCommand {
  readonly child: ChildProcess;
  readonly #folder = mkdtempSync(join(tmpdir(), "run-test-"));
  readonly #left = join(this.#folder, "left");
  stdout = "";
  stderr = "";

  /** `file`: content of a temporary file, whose path replaces the argument `FILE`. */
  constructor(args: string[], options: { file?: string; command?: string[] } = {}) {
    const file = join(this.#folder, "connections.json");
    if (options.file !== undefined) writeFileSync(file, options.file);
    const [program = "", ...before] = options.command ?? command;
    mkdirSync(this.#left);
    this.child = spawn(program, [...before, ...args.map((arg) => (arg === "FILE" ? file : arg))], {
      cwd: root,
      env: { ...process.env, TMPDIR: this.#left },
      // Its own process group, as in a shell: Ctrl-C signals all of its processes.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
  }

  /** Exit status and signal, once the process has ended and its output is complete. */
  async ended(): Promise<{ status: number | null; signal: string | null }> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, "close");
    return { status: this.child.exitCode, signal: this.child.signalCode };
  }

  /** Resolves with the last line of a start; rejects with its error output if it ends instead. */
  async ready(): Promise<string> {
    const ended = this.ended().then(() => Promise.reject(new Error(`It ended: ${this.stderr}`)));
    while (!/^ready .*\n/m.test(this.stdout))
      await Promise.race([once(this.child.stdout ?? this.child, "data"), ended]);
    ended.catch(() => undefined);
    return this.url("ready");
  }

  /** The URL, or the path of a socket, after a word at the start of a line. */
  url(word: string): string {
    const [, url] = new RegExp(`^${word} (\\S+)$`, "m").exec(this.stdout) ?? [];
    if (!url) throw new Error(`It printed no URL of ${word}.`);
    return url;
  }

  /** What it has among the temporary files; npm's own do not count. */
  temporaryFiles(): string[] {
    return readdirSync(this.#left).filter((name) => name.startsWith("smart-token-broker-"));
  }

  /** Sends a signal to the whole process group. False if no process of it is left. */
  signalGroup(signal: NodeJS.Signals | 0): boolean {
    try {
      return process.kill(-(this.child.pid ?? 0), signal);
    } catch {
      return false;
    }
  }

  /** Ends it in any state, and removes its folder. */
  async remove(): Promise<void> {
    this.signalGroup("SIGTERM");
    await this.ended();
    rmSync(this.#folder, { recursive: true });
  }

  /** `GET /v1/connections/{connection}/token`, signed. `query` with its question mark. */
  async token(connection: string, query = "", by = orders) {
    const response = await signedGet(this.tokenUrl(connection, query), by, region);
    const text = await response.text();
    const body = JSON.parse(text) as Record<string, unknown>;
    return { status: response.status, headers: response.headers, body, text };
  }

  tokenUrl(connection: string, query = ""): URL {
    return new URL(`/v1/connections/${connection}/token${query}`, this.url("ready"));
  }

  /** Posts to the simulator's switches. */
  async simulator(path: string, body: object): Promise<Record<string, unknown>> {
    const response = await fetch(this.url("simulator") + path, { method: "POST", body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`The simulator answers ${response.status} ${await response.text()}`);
    return (await response.json()) as Record<string, unknown>;
  }
}

/** Runs a program to its end. Its standard output. */
export async function output(program: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { env: { PATH: process.env["PATH"], ...env } });
  return stdout;
}
