import type { Command } from "commander";
import {
  type ConnectionId,
  connectionIdRule,
  parseConnectionId,
} from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { Deployment } from "./deployment/deployment.ts";
import { CommandError } from "./exit.ts";

/** What a command has to say: for people, or with `--json` for programs. */
export interface CommandResult {
  text: string;
  json: unknown;
  /** 1 where the command worked and what it found is bad. */
  exitCode?: number;
}

/** The options that every command takes. */
export interface CommonOptions {
  stage: string;
  local?: boolean;
  localUrl?: string;
  json?: boolean;
}

/** A command that works on a deployment. `id` is its argument, empty where none was given. */
export type DeploymentCommand<Options> = (
  deployment: Deployment,
  id: string,
  options: Options,
) => Promise<CommandResult>;

/** What commander runs. */
export type Action = (this: Command) => Promise<void>;

/** Makes the action of a command that is loaded once it is asked for. */
export type On = <Options>(load: () => Promise<DeploymentCommand<Options>>) => Action;

/** The option of every command that asks before it acts. */
export const yes = ["--yes", "do not ask"] as const;

/** A connection's id among the arguments. Throws CommandError. */
export function readId(text: string): ConnectionId {
  const id = parseConnectionId(text);
  // What was given instead may be a key that was pasted into the wrong place: it is not repeated.
  if (!id) throw new CommandError("usage", `That is no connection id: it must be ${connectionIdRule}.`);
  return id;
}

/** A whole number among the options. Throws CommandError that names the option. */
export function readWhole(option: string, text: string, least: number, most: number): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new CommandError("usage", `${option} must be a whole number from ${least} to ${most}.`);
}
