import { CommanderError } from "commander";

/** The documented exit codes (docs/cli.md). */
export const exitCodes = { failed: 1, usage: 2, notFound: 3, denied: 4, unreachable: 5 } as const;

/** An expected failure: its message is one line with cause and next step, and never holds a secret. */
export class CommandError extends Error {
  override name = "CommandError";
  readonly exitCode: number;

  constructor(kind: keyof typeof exitCodes, message: string) {
    super(message);
    this.exitCode = exitCodes[kind];
  }
}

/** Errors of AWS and of the network, matched in this order with 'name codes message'. `{}` is the detail of the error. */
const known: [pattern: RegExp, kind: keyof typeof exitCodes, message: string][] = [
  [
    /CredentialsProviderError|TokenProviderError|Could not load credentials/,
    "denied",
    "No AWS credentials were found. Sign in with aws sso login, or name a profile that has credentials (--profile, AWS_PROFILE).",
  ],
  [
    /ExpiredToken|UnrecognizedClient|InvalidClientTokenId|SignatureDoesNotMatch|InvalidSignature/,
    "denied",
    "AWS does not accept these credentials. Sign in again, and check the clock of this machine.",
  ],
  [
    /AccessDenied|NotAuthorized|not authorized|UnauthorizedOperation/,
    "denied",
    "AWS denies this to your role ({}). Grant it the permission (docs/cli.md#permissions).",
  ],
  [
    /fetch failed|CERT_|ENOTFOUND|ECONNREFUSED|ECONNRESET|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|TimeoutError|UND_ERR|socket hang up/,
    "unreachable",
    "Cannot reach the server ({}). Check the network, the region and --local-url.",
  ],
];

/** One line and an exit code for any error. Shows no stack: an unknown error keeps its name and message. */
export function explain(error: unknown): { message: string; exitCode: number } {
  if (error instanceof CommanderError) return { message: withoutValues(error), exitCode: exitCodes.usage };
  if (error instanceof CommandError) return { message: error.message, exitCode: error.exitCode };
  const { name, message } = error instanceof Error ? error : { name: "Error", message: String(error) };
  if (name === "ExitPromptError") return { message: "Cancelled. Nothing was changed.", exitCode: exitCodes.failed };
  // A parser's message quotes the text, which may be a secret.
  const detail = (error instanceof SyntaxError ? "" : message).split("\n")[0] ?? "";
  const codes = codesOf(error);
  const match = known.find(([pattern]) => pattern.test(`${name} ${codes} ${detail}`));
  if (!match) return { message: `${name}: ${detail}`, exitCode: exitCodes.failed };
  const [, kind, text] = match;
  return { message: text.replace("{}", () => detail || codes), exitCode: exitCodes[kind] };
}

/** Commander's message without the values that it quotes: one may be a key in the wrong place. */
function withoutValues({ code, message }: CommanderError): string {
  const text = message.replace(/^error: /, "");
  switch (code) {
    // These quote an option or an argument as it is declared.
    case "commander.optionMissingArgument":
    case "commander.missingArgument":
      return text;
    case "commander.unknownOption":
      return text.replace(/'(--[\w-]*|-\w).*'/s, "'$1'");
    case "commander.unknownCommand":
      return /^unknown command '[a-z]{1,12}'/.exec(text)?.[0] ?? "unknown command: see --help.";
    default:
      return text.replace(/\. Expected.*$/s, ": see --help.");
  }
}

/** The codes of an error and of its causes: fetch and the SDK wrap the errors of the socket. */
function codesOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const { code, cause, errors } = error as Error & { code?: unknown; errors?: unknown };
  const causes = [cause, ...(Array.isArray(errors) ? errors : [])].map(codesOf);
  return [typeof code === "string" ? code : "", ...causes].filter((text) => text !== "").join(" ");
}
