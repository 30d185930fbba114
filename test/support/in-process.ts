import { AsyncLocalStorage } from "node:async_hooks";
import { Readable, Writable } from "node:stream";

/** What a program sees of its process. */
interface Seen {
  argv: string[];
  env: Record<string, string | undefined>;
  stdin: Readable;
  stdout: Writable;
  stderr: Writable;
}

const running = new AsyncLocalStorage<Seen>();

for (const name of ["argv", "env", "stdin", "stdout", "stderr"] as const) {
  const own = Object.getOwnPropertyDescriptor(process, name) ?? {};
  Object.defineProperty(process, name, {
    configurable: true,
    enumerable: true,
    get: () => running.getStore()?.[name] ?? (own.get ? (own.get.call(process) as unknown) : (own.value as unknown)),
    set: (value: unknown) => {
      own.value = value;
    },
  });
}

/**
 * Runs the main function of a program in this process, with its own arguments, variables and streams. Several can run at
 * once. A separate process costs half a second; only that has signals and a terminal, and shows that the program ends.
 */
export async function runInProcess(
  main: (args: string[]) => Promise<number>,
  args: string[],
  { stdin, env }: { stdin: string; env: Record<string, string | undefined> },
): Promise<{ status: number; stdout: string; stderr: string }> {
  const written = { stdout: "", stderr: "" };
  const stream = (name: keyof typeof written) =>
    new Writable({
      decodeStrings: false,
      write(chunk, _, done) {
        written[name] += String(chunk);
        done();
      },
    });
  const seen: Seen = {
    argv: [process.execPath, "in-process", ...args],
    env,
    stdin: Readable.from(stdin === "" ? [] : [stdin]),
    stdout: stream("stdout"),
    stderr: stream("stderr"),
  };
  const status = await running.run(seen, () => main(args));
  return { status, ...written };
}
