import { createServer } from "node:http";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exitCodes } from "../../cli/exit.ts";
import { program } from "../../cli/program.ts";
import { holds, longestLine, text } from "../support/hostile.ts";
import { listen } from "../../fixtures/listen.ts";
import { broker, describedLocal } from "./harness.ts";

type Command = ReturnType<typeof program>;

/** What an operator may paste into the wrong place: an API key, which is a JWT, and a caller key. */
const pasted = ["eyJmYWtl.fake-Pasted-Key.1234567", "stb_Fake-Pasted-Key-1"];
const trace = "Pasted-Key";

/** A local run that finds nothing and denies everything. */
let server: Awaited<ReturnType<typeof listen>>;
beforeAll(async () => {
  server = await listen(
    createServer((request, response) => {
      request.resume();
      const described = describedLocal(server.url);
      const deployment = { ...described, local: { ...described.local, callers: { php: { kind: "key" } } } };
      const isFound = request.url === "/_local/deployment";
      const denied = { __type: "AccessDeniedException", message: "fake" };
      response.writeHead(isFound ? 200 : 400).end(JSON.stringify(isFound ? deployment : denied));
    }),
  );
});
afterAll(() => server.close());

const commandsBelow = (command: Command, path: string[] = []): { path: string[]; command: Command }[] => [
  { path, command },
  ...command.commands.flatMap((each) => commandsBelow(each, [...path, each.name()])),
];
const root = program(() => {});
const commands = commandsBelow(root);

const optionsOf = (command: Command) =>
  [...command.options, ...root.options]
    // It runs until Ctrl-C.
    .filter(({ long }) => long !== "--watch")
    .map(({ long, required }) => ({ name: long ?? "", takesValue: required }));
const others = ["--key", "--token", "-k", "--", "--__proto__", "--no-json"];

const value = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...pasted) },
  { weight: 5, arbitrary: fc.constantFrom("webapicorso", "php", "30", "-", "https://a.test") },
  // The system rejects an argument with this character, and a command line longer than it allows.
  text.map((each) => each.replaceAll("\0", "").slice(0, 2000)),
);

/** An option, mostly with the value that it takes. */
const option = (command: Command) =>
  fc
    .record({
      of: fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(...optionsOf(command)) },
        { weight: 1, arbitrary: fc.record({ name: fc.constantFrom(...others), takesValue: fc.boolean() }) },
      ),
      value,
      isOther: fc.nat(9).map((drawn) => drawn === 9),
      isJoined: fc.boolean(),
    })
    .map(({ of: { name, takesValue }, value: of, isOther, isJoined }) => {
      if (takesValue === isOther) return [name];
      return isJoined ? [`${name}=${of}`] : [name, of];
    });

/** A command with its arguments, sometimes one more or less. */
const invocation = fc.constantFrom(...commands).chain(({ path, command }) => {
  const count = command.registeredArguments.length;
  const exact = { minLength: count, maxLength: count };
  return fc
    .tuple(
      fc.oneof({ weight: 4, arbitrary: fc.array(value, exact) }, fc.array(value, { maxLength: 2 })),
      fc.array(option(command), { maxLength: 3 }),
    )
    .map(([values, options]) => [...path, ...values, ...options.flat()]);
});

test("Any arguments of any command end with a documented exit code and at most one line, and repeat no pasted key", async () => {
  const codes = new Set<number>([0, ...Object.values(exitCodes)]);
  const seen: Record<number, number> = {};

  await holds(
    invocation,
    async (args) => {
      const { status, stdout, stderr } = await broker(["--local-url", server.url, ...args], { stdin: pasted[0] ?? "" });

      seen[status ?? -1] = (seen[status ?? -1] ?? 0) + 1;
      expect(codes).toContain(status);
      expect(stdout + stderr).not.toMatch(/^ +at .*:\d+/m);
      expect(stdout + stderr).not.toContain(trace);
      if ((stdout + stderr).startsWith("Usage: ")) return;
      expect(stderr.length).toBeLessThan(longestLine);
      // doctor and smoke print a report, and exit with 1 for what it says.
      const isReport = status === 0 || (status === 1 && stdout !== "");
      expect(stderr).toMatch(isReport ? /^$/ : /^(error: .+|\{"error":.+\})\n$/);
    },
    { numRuns: 1500 },
  );
  for (const code of [0, exitCodes.usage, exitCodes.denied]) expect(seen[code]).toBeGreaterThan(10);
});
