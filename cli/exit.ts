import { CommanderError } from "commander";

/** The documented exit codes (docs/cli.md). */
export const exitCodes = { failed: 1, usage: 2, notFound: 3, denied: 4, unreachable: 5 } as const;

/** What the user is told in one line, what to do included, and the exit code. Its message never holds a secret. */
export class CommandError extends Error {
  override name = "CommandError";
  readonly exitCode: number;

  constructor(kind: keyof typeof exitCodes, message: string) {
    super(message);
    this.exitCode = exitCodes[kind];
  }
}

/** Who recognises an error, in the order in which they are asked; the text is name, code and message. */
const known: [pattern: RegExp, kind: keyof typeof exitCodes, advice: string][] = [
  [/Region is missing/, "usage", "No AWS region is set: set AWS_REGION, or a region in the profile."],
  [
    /CredentialsProviderError|TokenProviderError|Could not load credentials/,
    "denied",
    "No AWS credentials were found: sign in (aws sso login), or set AWS_PROFILE.",
  ],
  [
    /ExpiredToken|UnrecognizedClient|InvalidClientTokenId|SignatureDoesNotMatch|InvalidSignature/,
    "denied",
    "AWS does not accept these credentials: sign in again.",
  ],
  [/AccessDenied|NotAuthorized|not authorized|UnauthorizedOperation/, "denied", "AWS refuses this to your role"],
  [
    /fetch failed|CERT_|ENOTFOUND|ECONNREFUSED|ECONNRESET|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|TimeoutError|UND_ERR|socket hang up/,
    "unreachable",
    "It cannot be reached: check the network, the region and --local-url",
  ],
];

/** One line and an exit code for whatever went wrong. Does NOT show a stack: what is unknown keeps its name and message. */
export function explain(error: unknown): { message: string; exitCode: number } {
  if (error instanceof CommanderError) return { message: withoutValues(error), exitCode: exitCodes.usage };
  if (error instanceof CommandError) return { message: error.message, exitCode: error.exitCode };
  const { name, message } = error instanceof Error ? error : { name: "Error", message: String(error) };
  if (name === "ExitPromptError") return { message: "Given up: nothing was changed.", exitCode: exitCodes.failed };
  // A parser's own message quotes the text, which may be a secret.
  const said = (error instanceof SyntaxError ? "" : message).split("\n")[0] ?? "";
  const text = `${name} ${codesOf(error)} ${said}`;
  const match = known.find(([pattern]) => pattern.test(text));
  if (!match) return { message: `${name}: ${said}`, exitCode: exitCodes.failed };
  const [, kind, advice] = match;
  return {
    message: advice.endsWith(".") ? advice : `${advice} (${said || codesOf(error)}).`,
    exitCode: exitCodes[kind],
  };
}

/** What the parser of arguments says, without the values that it repeats: one may be a key in the wrong place. */
function withoutValues({ code, message }: CommanderError): string {
  const said = message.replace(/^error: /, "");
  switch (code) {
    // These name an option or an argument as it is declared.
    case "commander.optionMissingArgument":
    case "commander.missingArgument":
      return said;
    case "commander.unknownOption":
      return said.replace(/'(--[\w-]*|-\w).*'/s, "'$1'");
    case "commander.unknownCommand":
      return /^unknown command '[a-z]{1,12}'/.exec(said)?.[0] ?? "unknown command: see --help.";
    default:
      return said.replace(/\. Expected.*$/s, ": see --help.");
  }
}

/** The codes of an error and of what caused it: fetch and the SDK wrap those of the socket. */
function codesOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const { code, cause, errors } = error as Error & { code?: unknown; errors?: unknown };
  const within = [cause, ...(Array.isArray(errors) ? errors : [])].map(codesOf);
  return [typeof code === "string" ? code : "", ...within].filter((text) => text !== "").join(" ");
}
