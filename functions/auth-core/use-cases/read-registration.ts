import type { ConnectionId } from "../rules/connection-id.ts";
import { catchUnavailable } from "../rules/failure.ts";
import type { Ports, RegistrationReading } from "./ports.ts";

/** Reads a registration; `unavailable` if the secret store is unavailable. */
export function readRegistration(
  { registrations, notice }: Pick<Ports, "registrations" | "notice">,
  connection: ConnectionId,
  label?: "AWSPREVIOUS",
): Promise<RegistrationReading | { kind: "unavailable" }> {
  return catchUnavailable(
    () => registrations.read(connection, label),
    (error) => {
      notice({ kind: "secrets_unavailable", connection, reason: error.message });
      return { kind: "unavailable" };
    },
  );
}
