import { CommanderError } from "commander";

/** The documented exit codes (docs/cli.md). */
export const exitCodes = { failed: 1, usage: 2, notFound: 3, denied: 4, unreachable: 5 } as const;
export type ErrorKind = keyof typeof exitCodes;

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

/** Errors of AWS and of the network, matched in this order with 'name codes message'. `{}` is the detail of the error. */
const known: [pattern: RegExp, kind: ErrorKind, message: string][] = [
  [
    /CredentialsProviderError|TokenProviderError|Could not load credentials/,
    "denied",
    "No AWS credentials were found. Sign in with aws sso login, or name a profile that has credentials (--profile, AWS_PROFILE).",
  ],
  [
    /ExpiredToken|UnrecognizedClient|InvalidClientTokenId|SignatureDoesNotMatch|InvalidSignature|RequestTimeTooSkewed|RequestExpired/,
    "denied",
    "AWS does not accept these credentials. Sign in again, and check the clock of this machine.",
  ],
  [
    /DecryptionFailure|EncryptionFailure|KMSAccessDenied|KMSInvalidState|KMSNotFound|KeyUnavailable|DisabledException/,
    "denied",
    "The KMS key of the secret cannot be used ({}). Enable the key, or grant your role its use (docs/cli.md#permissions).",
  ],
  [
    /AccessDenied|NotAuthorized|not authorized|UnauthorizedOperation/,
    "denied",
    "AWS denies this to your role ({}). Grant it the permission (docs/cli.md#permissions).",
  ],
  [
    /Throttling|Throttled|TooManyRequests|RequestLimitExceeded|Rate exceeded|ProvisionedThroughputExceeded/,
    "unreachable",
    "AWS limits the requests of this account ({}). Run the command again in a minute.",
  ],
  [
    /InternalService|InternalServerError|InternalFailure|ServiceUnavailable|ServiceException/,
    "unreachable",
    "AWS has a temporary failure ({}). Run the command again; see https://health.aws.amazon.com if it stays.",
  ],
  [
    /LimitExceeded|ServiceQuotaExceeded/,
    "failed",
    "A quota of this AWS account is used up ({}). Delete what you do not need, or raise the quota in Service Quotas.",
  ],
  [
    /InvalidRequestException/,
    "failed",
    "The secret is in a state that does not allow this ({}). broker doctor checks it.",
  ],
  [
    /ResourceNotFound|NoSuchEntity|StackNotFound/,
    "notFound",
    "A resource of the deployment does not exist ({}). Check --stage and --region, or deploy again.",
  ],
  [
    /fetch failed|CERT_|ENOTFOUND|ECONNREFUSED|ECONNRESET|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|TimeoutError|UND_ERR|socket hang up/,
    "unreachable",
    "Cannot reach the server ({}). Check the network, the region, --local-url, and the DNS record if the stage has a domain.",
  ],
];

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
  const match = known.find(([pattern]) => pattern.test(`${name} ${codes} ${detail}`));
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
      return text.replace(/'.*' is invalid/s, "is invalid");
    default:
      return text.replace(/\. Expected.*$/s, ": see --help.").replace(/\n.*$/s, "");
  }
}

/** The codes of an error and of its causes: fetch and the SDK wrap the errors of the socket. */
function codesOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const { code, cause, errors } = error as Error & { code?: unknown; errors?: unknown };
  const causes = [cause, ...(Array.isArray(errors) ? errors : [])].map(codesOf);
  return [typeof code === "string" ? code : "", ...causes].filter((text) => text !== "").join(" ");
}
