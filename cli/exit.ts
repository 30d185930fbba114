import { failureCatalogue, isFailureCode } from "@smart-token-broker/auth-core/rules/failure-catalogue.ts";
import { CommanderError } from "commander";
import { knownErrors } from "./known-errors.ts";

/** The documented exit codes (docs/cli.md). */
export const exitCodes = { failed: 1, usage: 2, notFound: 3, denied: 4, unreachable: 5 } as const;
export type ErrorKind = keyof typeof exitCodes;

/** The kind of an error of the broker, by its code, or of the gateway, by its status. */
export function kindOf(code: string | undefined, gatewayStatus = 500): ErrorKind {
  if (code === "credentials_rejected") return "denied";
  switch (code !== undefined && isFailureCode(code) ? failureCatalogue[code].status : gatewayStatus) {
    case 400:
      return "usage";
    case 401:
    case 403:
      return "denied";
    case 404:
      return "notFound";
    case 429:
    case 503:
    case 504:
      return "unreachable";
    default:
      return "failed";
  }
}

/** What an answer of the broker says about its error. */
export interface ErrorDetails {
  /** Of docs/errors.md; without an answer of the broker, the kind of the error. */
  code?: string;
  /** Seconds. */
  retryAfter?: number;
  requestId?: string;
}

/** An expected failure: its message is one line with cause and next step, and never holds a secret. */
export class CommandError extends Error {
  override name = "CommandError";
  readonly kind: ErrorKind;
  readonly details: ErrorDetails;

  constructor(kind: ErrorKind, message: string, details: ErrorDetails = {}) {
    super(message);
    this.kind = kind;
    this.details = details;
  }

  get exitCode(): number {
    return exitCodes[this.kind];
  }
}

/** An error as it is printed. */
export interface Explained extends ErrorDetails {
  message: string;
  exitCode: number;
  code: string;
}

/** The members of an error with `--json`. */
export function errorJson({ message, exitCode, code, retryAfter, requestId }: Explained): object {
  return { error: message, exit_code: exitCode, code, retry_after: retryAfter, request_id: requestId };
}

/** The `code` of an error that is not an answer of the broker. */
const codeOf = (kind: ErrorKind) => (kind === "notFound" ? "not_found" : kind);
const ofKind = (kind: ErrorKind, message: string, details: ErrorDetails = {}): Explained => ({
  message,
  exitCode: exitCodes[kind],
  code: codeOf(kind),
  ...details,
});

/** One line, an exit code and a code for any error. Shows no stack: an unknown error keeps its name and message. */
export function explain(error: unknown): Explained {
  if (error instanceof CommanderError) return ofKind("usage", withoutValues(error));
  if (error instanceof CommandError) return ofKind(error.kind, error.message, error.details);
  const { name, message } = error instanceof Error ? error : { name: "Error", message: String(error) };
  if (name === "ExitPromptError") return ofKind("failed", "Cancelled. Nothing was changed.");
  // A parser's message quotes the text, which may be a secret.
  const detail = (error instanceof SyntaxError ? "" : message).split("\n")[0] ?? "";
  const codes = codesOf(error);
  // The SDK's hint about a response that it cannot parse is on the second line.
  const hint = message.includes("\n  Deserialization error:") ? "Deserialization error:" : "";
  const match = knownErrors.find(([pattern]) => pattern.test(`${name} ${codes} ${detail} ${hint}`));
  if (!match) return ofKind("failed", `${name}: ${detail}`);
  const [, kind, text] = match;
  // The message of fetch says nothing; the code of its cause does.
  const cause = detail === "fetch failed" ? codes : detail;
  return ofKind(
    kind,
    text.replace("{}", () => cause || codes || name),
  );
}

/** Commander's message without the values that it quotes: one may be a key in the wrong place. */
function withoutValues({ code, message }: CommanderError): string {
  const text = message.replace(/^error: /, "");
  // A suggestion has names of commands and options only.
  const suggestion = /\n(\(Did you mean [^)]*\?\))$/.exec(text)?.[1];
  const add = (plain: string) => (suggestion === undefined ? plain : `${plain}. ${suggestion.slice(1, -1)}`);
  switch (code) {
    // These quote an option or an argument as it is declared.
    case "commander.optionMissingArgument":
    case "commander.missingArgument":
    case "commander.conflictingOption":
      return text;
    case "commander.unknownOption":
      return add(text.replace(/'(--[\w-]*|-\w).*'.*/s, "'$1'"));
    case "commander.unknownCommand":
      return add(/^unknown command '[a-z]{1,12}'/.exec(text)?.[0] ?? "unknown command: see --help");
    case "commander.invalidArgument":
      return text
        .replace(/^command-argument value '.*' is invalid for/s, "invalid value of")
        .replace(/'.*' is invalid/s, "is invalid");
    default:
      return text.replace(/\. Expected.*$/s, ": see --help.").replace(/\n.*$/s, "");
  }
}

/** The codes of an error and of its causes: fetch and the SDK wrap the errors of the socket. */
export function codesOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const { code, cause, errors } = error as Error & { code?: unknown; errors?: unknown };
  const causes = [cause, ...(Array.isArray(errors) ? errors : [])].map(codesOf);
  return [typeof code === "string" ? code : "", ...causes].filter((text) => text !== "").join(" ");
}
