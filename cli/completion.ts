import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";

/**
 * Adds `completion SHELL`, which prints a script for the shell, and the hidden `complete`, with which that script requests
 * words. Only for these two: it reads all other commands, which must be there already.
 */
export function completionCommands(root: Command): void {
  const completions = tab(root, { completionCommandName: "completion" });
  const command = root.commands.find((one) => one.name() === "completion");
  command?.action((shell: string) => {
    if (shell === "bash") process.stdout.write(bashScript);
    else completions.setup("broker", "broker", shell);
  });
  const complete = root.commands.find((one) => one.name() === "complete");
  complete?.hook("preAction", (_, { args }) => {
    // The library says that no value is a file. The directive 0 lets the shell complete it (cobra's ShellCompDirective).
    if (takesFile(root, args.at(-2))) completions.parse = () => void process.stdout.write(":0\n");
  });
}

/** Whether a word is an option of a command whose value is a file. */
function takesFile(command: Command, word: string | undefined): boolean {
  return (
    command.options.some(({ long, flags }) => long === word && flags.endsWith("<file>")) ||
    command.commands.some((one) => takesFile(one, word))
  );
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
