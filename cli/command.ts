import type { Command } from "commander";
import {
  type ConnectionId,
  connectionIdRule,
  parseConnectionId,
} from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { Deployment } from "./deployment/deployment.ts";
import type { StacksOptions } from "./deployment/find-stacks.ts";
import { CommandError } from "./exit.ts";

/** The result of a command: `text` for people, `json` for programs (`--json`). */
export interface CommandResult {
  text: string;
  json: unknown;
  /** 1 if the command worked and found something broken. */
  exitCode?: number;
}

/** The options of every command. */
export interface CommonOptions extends StacksOptions {
  local?: boolean;
  localUrl?: string;
  json?: boolean;
  /** Members of the JSON to print, separated by commas. */
  fields?: string;
}

/** Finds the deployment that the options name. */
export type Find = (options: CommonOptions) => Promise<Deployment>;

/** Prints a result as the options say. */
export type Print = (result: CommandResult, options: CommonOptions) => void;

/** A command that works on a deployment. `id` is its argument, empty without one. */
export type DeploymentCommand<Options> = (
  deployment: Deployment,
  id: string,
  options: Options,
) => Promise<CommandResult>;

/** What commander runs. */
export type Action = (this: Command) => Promise<void>;

/** Makes an action of a command whose module is loaded on first use. */
export type OnDeployment = <Options>(load: () => Promise<DeploymentCommand<Options>>) => Action;

/** Adds examples to the help of a command. Each is what follows `npx broker`. */
export function examples(command: Command, ...lines: string[]): Command {
  return command.addHelpText("after", `\nExamples:\n${lines.map((line) => `  npx broker ${line}`).join("\n")}`);
}

/** The option of every command that asks for confirmation. */
export const yes = ["--yes", "do not ask for confirmation"] as const;

/** Reads a connection id from the arguments. Throws CommandError. */
export function readId(text: string): ConnectionId {
  const id = parseConnectionId(text);
  // Does not repeat the argument: it may be a key that was pasted into the wrong place.
  if (!id) throw new CommandError("usage", `Invalid connection id. Use ${connectionIdRule}.`);
  return id;
}

/** Reads a whole number from an option. Throws CommandError with the option's name. */
export function readInteger(option: string, text: string, min: number, max: number): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new CommandError("usage", `${option} must be a whole number from ${min} to ${max}.`);
}
