import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";

/**
 * Adds `completion SHELL`, which prints a script for the shell, and the hidden `complete`, with which that script requests
 * words. Only for these two: it reads all other commands, which must be there already.
 */
export function completionCommands(root: Command): void {
  tab(root, { completionCommandName: "completion" });
}
