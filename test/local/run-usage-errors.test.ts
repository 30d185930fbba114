import { createServer } from "node:http";
import { expect, it, onTestFinished } from "vitest";
import { helpText } from "../../local/options.ts";
import { listen } from "../../fixtures/listen.ts";
import { StartedCommand } from "./run-harness.ts";

/** Runs the command to its end. */
async function ended(args: string[], file?: string) {
  const run = new StartedCommand(args, file === undefined ? {} : { file });
  onTestFinished(() => run.remove());
  const { status } = await run.ended();
  return { status, stdout: run.stdout, stderr: run.stderr, left: run.temporaryFiles() };
}

const oneLine = (words: RegExp) => ({
  status: 1,
  stdout: "",
  stderr: expect.stringMatching(new RegExp(`^.*${words.source}.*\n$`)) as string,
  left: [],
});

it("npm start rejects an option in one line, with status 1", async () => {
  expect(await ended(["--port", "x"])).toEqual(oneLine(/--port must be a whole number/));
});

it("npm start names a port in use in one line, with status 1, and leaves nothing behind", async () => {
  const { url, close } = await listen(createServer());
  onTestFinished(close);
  const { port } = new URL(url);

  expect(await ended(["--port", port])).toEqual(oneLine(new RegExp(`Port ${port} is in use`)));
});

it("npm start reports a wrong setting of the stacks in one line, also if the list has a JSON Schema", async () => {
  const connections = Array.from({ length: 151 }, (_, index) => `c${index}`);
  const callers = [{ name: "orders", connections, principal: "210987654321" }];
  const list = { $schema: "./callers.schema.json", callers };

  expect(await ended(["--port", "0", "--callers", "FILE"], JSON.stringify(list))).toEqual(
    oneLine(/orders: connections has more than 150/),
  );
});

it("npm start prints its help with --help, with status 0", async () => {
  expect(await ended(["--help"])).toEqual({ status: 0, stdout: `${helpText}\n`, stderr: "", left: [] });
});
