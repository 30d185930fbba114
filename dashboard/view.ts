import { failureCatalogue, isFailureCode } from "@smart-token-broker/auth-core/rules/failure-catalogue.ts";
import type { SecretDescription } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import type { DeployedCallers } from "@smart-token-broker/auth-core/rules/callers/deployed-callers.ts";
import type { ConnectionStatus } from "@smart-token-broker/status/rules/connection-status.ts";
import { fixOf, isAttemptDue } from "../console/cause.ts";
import { sentencesOf } from "../console/describe-status.ts";
import { missingApiOf } from "../console/missing-api.ts";
import { brokerCommand, type Flags } from "../console/broker-command.ts";
import { duration, timeOfDay } from "../console/time.ts";
import type { ConnectionView, KeyRotation, Past, RequestCounts } from "./contract.ts";

/** What is known of a connection besides its status. */
interface Known {
  past?: Past | undefined;
  requests?: RequestCounts;
  rotation?: KeyRotation | undefined;
  callers?: DeployedCallers | undefined;
}

/** What the page shows of a connection with an item. Pure. */
export function viewOf(
  status: ConnectionStatus,
  now: number,
  deployment: Flags,
  { past, requests, rotation, callers = {} }: Known,
): ConnectionView {
  const { connection, state } = status;
  const keyStoredAt = storedKeyAt(status, now, rotation);
  // The command is in `commands`.
  const sentences = sentencesOf(status, now, ({ what }) => `${what}.`, keyStoredAt);
  const missing = missingApiOf(status, callers);
  return {
    connection,
    state,
    sentence: [...(missing ? [missing.why] : []), ...sentences].join(" "),
    ...(keyStoredAt !== undefined && { keyStoredAt }),
    status,
    callerGets: callerGets(status, now),
    commands: [
      ...(missing ? [brokerCommand(deployment, missing.fix.args)] : []),
      ...commandsOf(status, deployment, keyStoredAt === undefined),
    ],
    ...(past && { past }),
    ...(requests && { requests }),
    ...(rotation && { rotation }),
  };
}

/** What Secrets Manager says of a connection's key. */
export function keyRotationOf({
  rotationEnabled: isOn,
  nextRotationAt: nextAt,
  lastChangedAt: changedAt,
  labels,
}: SecretDescription): KeyRotation {
  const waits = [...labels.values()].some(
    (stages) => !stages.includes("AWSCURRENT") && (stages.includes("NEXT") || stages.includes("AWSPENDING")),
  );
  return {
    isOn,
    ...(nextAt !== undefined && { nextAt }),
    ...(changedAt !== undefined && !waits && { changedAt }),
  };
}

/** When a key was stored that the next attempt of a rejected connection uses; `undefined` if that is not known. */
function storedKeyAt(status: ConnectionStatus, now: number, rotation: KeyRotation | undefined): number | undefined {
  const { last_error: error } = status;
  const { changedAt = 0 } = rotation ?? {};
  // The error's instant has no fraction.
  const isTried = status.state === "rejected" && isAttemptDue(status, now);
  const isStored = error && isTried && changedAt >= Date.parse(error.at) / 1000 + 1;
  return isStored ? changedAt : undefined;
}

/** A connection whose secret exists, and which has no item: nobody requested it, or no request got as far as Smart Services. */
export function viewWithoutToken(
  connection: string,
  deployment: Flags,
  { requests, rotation }: Omit<Known, "past" | "callers">,
): ConnectionView {
  const errors = requests?.errors ?? 0;
  const logs = errors > 0 ? [`logs --connection ${connection} --errors --since 1h`] : [];
  return {
    connection,
    state: "no_token",
    sentence:
      errors > 0
        ? `No token yet. ${errors} ${errors === 1 ? "request" : "requests"} in the last hour got an error.`
        : "No token yet. The first request fetches one.",
    callerGets:
      errors > 0
        ? "An error, until its cause is gone: see the log."
        : "The first request fetches a token: it takes as long as Smart Services takes.",
    commands: [...logs, `connections show ${connection}`, `token get ${connection}`].map((command) =>
      brokerCommand(deployment, command),
    ),
    ...(requests && { requests }),
    ...(rotation && { rotation }),
  };
}

function callerGets(
  { access_token_expires_at: end, last_error: error, next_action: next }: ConnectionStatus,
  now: number,
): string {
  const left = end === undefined ? 0 : Date.parse(end) / 1000 - now;
  if (left > 5) return `HTTP 200 with a token that is valid for ${duration(left)}, until ${timeOfDay(end ?? "", now)}.`;
  if (!error) return "The first request fetches a token: it takes as long as Smart Services takes.";
  const problem = isFailureCode(error.code) ? failureCatalogue[error.code] : undefined;
  const retry = next ? Math.ceil(Date.parse(next.at) / 1000 - now) : 0;
  const wait = retry > 0 && problem?.status === 503 ? ` Retry-After is about ${retry} s.` : "";
  return `${problem ? `HTTP ${problem.status} ` : ""}${error.code}.${wait}`;
}

/** Commands that help an operator, after the one that `broker status ID` names. */
const commandsByState: Record<string, string[]> = {
  rejected: ["keys status ID", "logs --connection ID --errors"],
  not_ready: ["keys stage ID", "logs --connection ID --errors"],
  retrying: ["logs --connection ID --errors", "doctor --probe ID"],
  expired: ["logs --connection ID --errors", "doctor --probe ID"],
  removed: ["connections list"],
};

function commandsOf(status: ConnectionStatus, deployment: Flags, needsFix: boolean): string[] {
  const { connection, state } = status;
  const fix = needsFix ? fixOf(status) : undefined;
  const others = commandsByState[state] ?? ["status ID", "connections renew ID", "keys status ID"];
  const all = [...(fix ? [fix.args] : []), ...others.map((command) => command.replace("ID", connection))];
  return [...new Set(all)].map((args) => brokerCommand(deployment, args));
}

const severity: ConnectionView["state"][] = [
  "expired",
  "rejected",
  "not_ready",
  "retrying",
  "due",
  "no_token",
  "fresh",
];

/** Worst first: by state, then by the end of the token, then by id. */
export function worstFirst(views: ConnectionView[]): ConnectionView[] {
  // A state that is not in the list is nothing to act on.
  const rank = ({ state, requests }: ConnectionView) => {
    // Its callers get errors, as those of a connection that is not ready.
    if (state === "no_token" && (requests?.errors ?? 0) > 0) return severity.indexOf("not_ready");
    return severity.includes(state) ? severity.indexOf(state) : severity.length;
  };
  const end = ({ status }: ConnectionView) => Date.parse(status?.access_token_expires_at ?? "") || 0;
  return views.toSorted(
    (one, other) =>
      rank(one) - rank(other) ||
      (one.state === "fresh" ? 0 : end(one) - end(other)) ||
      (one.connection < other.connection ? -1 : 1),
  );
}
