import { expect, test } from "vitest";
import { program } from "../../cli/program.ts";
import { broker, expectError } from "./harness.ts";

const nowhere = ["--local-url", "http://127.0.0.1:1"];

test.each<[string, string[], number, RegExp]>([
  ["an unknown command", ["conections"], 2, /unknown command 'conections'\. Did you mean connections\?\n$/],
  ["an unknown subcommand", ["keys", "stag"], 2, /unknown command 'stag'\. Did you mean stage\?\n$/],
  ["help for an unknown subcommand", ["help", "keys", "stag"], 2, /unknown command 'stag'\. Did you mean stage\?\n$/],
  [
    "--help of an unknown command",
    ["conections", "--help"],
    2,
    /unknown command 'conections'\. Did you mean connections\?/,
  ],
  ["help for a word that may be a key", ["help", "stb_Fake-Secret-1"], 2, /^error: unknown command\. See --help\.\n$/],
  ["a misspelt option", ["status", "--jason"], 2, /unknown option '--jason'\. Did you mean --json\?\n$/],
  [
    "--local with --stage",
    ["status", "--local", "--stage", "prod"],
    2,
    /'--local' cannot be used with option '--stage/,
  ],
  ["--local with --stack", ["status", "--local", "--stack", "a"], 2, /'--local' cannot be used with option '--stack/],
  ["a missing argument", ["connections", "show"], 2, /missing required argument 'id'/],
  ["too many arguments", ["connections", "show", "a", "b"], 2, /too many arguments/],
  ["an option without its value", ["token", "get", "acme", "--min-ttl"], 2, /'--min-ttl <seconds>' argument missing/],
  ["a file that does not exist", ["callers", "list", "--file", "/nonexistent"], 2, /cannot be read \(ENOENT\)/],
  [
    "a local run that does not answer",
    ["status", ...nowhere],
    5,
    /No local run answers at .*:1\. Start it with npm start/,
  ],
])("%s fails with one line and the documented exit code", async (_, args, code, message) => {
  expectError(await broker(args), code, message);
});

test.each([
  ["status", ...nowhere],
  ["status", "--colour"],
])("an error is JSON on stderr with --json: %s %s", async (...args) => {
  const { status, stderr } = await broker([...args, "--json"]);

  expect(JSON.parse(stderr)).toEqual({
    error: expect.stringMatching(/../) as string,
    exit_code: status,
    code: status === 5 ? "unreachable" : "usage",
  });
});

// hostile-arguments.test.ts does this with all options that a local run has.
test("an error does not repeat a stage, which may be a secret", async () => {
  const result = await broker(["status", "--stage", "stb_Fake-Secret-1"]);

  expectError(result, 2, /^error: Invalid stage\. .+\n$/);
  expect(result.stderr).not.toContain("Fake-Secret");
});

test.each([
  ["connections", "add", "acme", "--api-key=fake-key-1"],
  ["keys", "stage", "acme", "--key", "fake-key-1"],
])("a command has no option for a secret, and does not repeat one: %s %s %s %s", async (...args) => {
  expectError(await broker(args), 2, /^error: unknown option '--[a-z-]+'\n$/);
});

const commandsBelow = (command: ReturnType<typeof program>): (typeof command)[] => [
  command,
  ...command.commands.flatMap(commandsBelow),
];

test.each(commandsBelow(program(() => {})).map((command) => [command.name(), command] as const))(
  "the help of %s has examples that the command line accepts",
  async (_, command) => {
    let help = "";
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    const lines = [...(help.split("Examples:\n")[1] ?? "").matchAll(/^ {2}npx broker (.+)$/gm)].map(
      ([, line = ""]) => line,
    );

    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      // With the help option, commander reads the command, and checks neither arguments nor options.
      const { stdout } = await broker([...line.split(" "), "--help"]);
      for (const [option] of line.matchAll(/--[a-z-]+/g)) expect(stdout).toContain(option);
    }
  },
);
