import { readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";
import type { CommonOptions } from "./command.ts";
import type { Deployment } from "./deployment/deployment.ts";
import { enabledForAll, optInRegions } from "./deployment/regions.ts";
import { settingsFolder } from "./deployment/stage.ts";
import { printOut } from "../console/print.ts";

/** Milliseconds that a person waits for the ids of connections after TAB. */
const patience = 3000;

/**
 * Adds `completion SHELL`, which prints a script for the shell, and the hidden `complete`, with which that script requests
 * words. Only for these two: it reads all other commands, which must be there already.
 *
 * @param find finds the deployment that the options name, to complete the ids of its connections
 */
export function completionCommands(root: Command, find: (options: CommonOptions) => Promise<Deployment>): void {
  const completions = tab(root, { completionCommandName: "completion" });
  const command = root.commands.find((one) => one.name() === "completion");
  command?.action((shell: string) => {
    if (shell === "bash") printOut(bashScript);
    else completions.setup("broker", "broker", shell);
  });
  const offer = (option: string, values: () => Iterable<string>) => {
    const found = completions.options.get(option);
    if (found) found.handler = (complete) => [...values()].forEach((value) => complete(value, ""));
  };
  offer("stage", stagesWithSettings);
  offer("region", () => [...enabledForAll, ...optInRegions].toSorted());
  // Each command takes them too.
  for (const below of completions.commands.values()) {
    for (const [name, option] of completions.options) if (!below.options.has(name)) below.options.set(name, option);
  }
  const complete = root.commands.find((one) => one.name() === "complete");
  complete?.hook("preAction", async (_, { args }) => {
    // The library says that no value is a file. The directive 0 lets the shell complete it (cobra's ShellCompDirective).
    if (takesFile(root, args.at(-2))) completions.parse = () => void printOut(":0\n");
    if (!isConnection(root, args)) return;
    const ids = await connectionsOf(root, args, find);
    const handler = (add: (value: string, description: string) => void) => ids.forEach((id) => add(id, ""));
    for (const { arguments: positional, options } of completions.commands.values()) {
      for (const each of [positional.get("id"), options.get("connection"), options.get("probe")]) {
        if (each) each.handler = handler;
      }
    }
  });
}

/** Whether a word is an option of a command whose value is a file. */
function takesFile(command: Command, word: string | undefined): boolean {
  return (
    command.options.some(({ long, flags }) => long === word && flags.endsWith("<file>")) ||
    command.commands.some((one) => takesFile(one, word))
  );
}

/** Whether the last word is the id of a connection that exists. */
function isConnection(root: Command, words: string[]): boolean {
  const [before, last = ""] = words.slice(-2);
  if (before === "--connection" || before === "--probe") return true;
  let command = root;
  for (const word of words) command = command.commands.find((one) => one.name() === word) ?? command;
  const takesId = command.registeredArguments.some((argument) => argument.name() === "id");
  // `add` is the only command for an id that does not exist yet.
  return takesId && command.name() !== "add" && !last.startsWith("-");
}

/** The ids of the connections of the deployment that the words name; none if it cannot be read. */
async function connectionsOf(
  root: Command,
  words: string[],
  find: (options: CommonOptions) => Promise<Deployment>,
): Promise<string[]> {
  const options = root.options.map(({ long, required }) => [
    long?.slice(2) ?? "",
    { type: required ? ("string" as const) : ("boolean" as const) },
  ]);
  const { values } = parseArgs({ args: words, options: Object.fromEntries(options), strict: false });
  const { stack, region, profile, local, "local-url": localUrl, stage = root.opts<CommonOptions>().stage } = values;
  const given = Object.entries({ stage, stack, region, profile, local, localUrl });
  const read = async () => {
    const { allSecrets } = await import("./deployment/secrets.ts");
    const chosen = Object.fromEntries(given.filter(([, value]) => value !== undefined)) as unknown as CommonOptions;
    const secrets = await allSecrets(await find(chosen));
    return secrets.filter(({ deletedAt }) => deletedAt === undefined).map(({ connection }) => connection);
  };
  // The shell shows no error at a prompt.
  const found = read().catch(() => []);
  const { promise: late, resolve } = Promise.withResolvers<never[]>();
  const timer = setTimeout(() => {
    resolve([]);
    // The shell waits for the end of this process, and the request still waits for its answer.
    setImmediate(() => process.stdout.write("", () => process.exit()));
  }, patience);
  return Promise.race([found, late]).finally(() => clearTimeout(timer));
}

function stagesWithSettings(): string[] {
  return readdirSync(settingsFolder).flatMap((file) => /^([a-z][a-z0-9]*)\.json$/.exec(file)?.[1] ?? []);
}

/**
 * The library's script for bash evaluates what is typed, so that TAB would run a command in `$(…)`; it also needs the
 * package bash-completion, and fails if it is read twice.
 */
const bashScript = `# bash completion for broker
_broker() {
  local word
  COMPREPLY=()
  while IFS=$'\\t' read -r word _; do
    [[ $word != :* && $word == "\${COMP_WORDS[COMP_CWORD]}"* ]] && COMPREPLY+=("$word")
  done < <(broker complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _broker broker
`;
