import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";

interface Service {
  /** Sends a command. Resolves with the fields of its result. */
  (...command: string[]): Promise<string[]>;
  /** Sends a line that a running command waits for. */
  write(line: string): void;
}

/** Starts Service.cs for a broker. It ends with its test. */
export function startService(
  program: string,
  broker: string,
  { timeout = 15, followsRedirects = false } = {},
): Service {
  const child = spawn("mono", ["--debug", program, broker, String(timeout), String(followsRedirects)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(async () => {
    const ended = once(child, "close");
    child.stdin.end();
    await ended;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const write = (line: string) => void child.stdin.write(`${line}\n`);
  const send = async (...command: string[]) => {
    write(command.join("\t"));
    const { value, done } = await lines.next();
    if (done) throw new Error("The service ended.");
    return value.split("\t");
  };
  return Object.assign(send, { write });
}
