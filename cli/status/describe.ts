import type { ConnectionStatus } from "@smart-token-broker/status/connection-status.ts";

/** Everything that the status of one connection says, a line each. Pure. */
export function describeStatus(status: ConnectionStatus): string {
  const { connection: _, retiring_keys: retiring, last_error: error, next_action: next, ...plain } = status;
  const lines = [
    ...Object.entries(plain),
    ...retiring.map(({ fingerprint, since, retirable_at: at }) => [
      "retiring key",
      `${fingerprint} since ${since}, looked at for being retirable from ${at}`,
    ]),
    ...(error ? [["last error", `${error.code} at ${error.at}: ${error.detail}`]] : []),
    ...(next ? [["next action", `${next.what} (${next.at})`]] : []),
  ];
  return lines.map(([name, value]) => `${name.replaceAll("_", " ").padEnd(26)}${String(value)}\n`).join("");
}
