import type { ConnectionState } from "@smart-token-broker/status/rules/connection-status.ts";
import type { Cell } from "../terminal/table.ts";

const paints: Record<ConnectionState, NonNullable<Cell["paint"]>> = {
  fresh: "green",
  due: "cyan",
  retrying: "yellow",
  rejected: "red",
  expired: "red",
  not_ready: "magenta",
  removed: "dim",
};

/** A state in its colour; any other text without colour. */
export function stateCell(state: string): Cell {
  return Object.hasOwn(paints, state) ? { text: state, paint: paints[state as ConnectionState] } : { text: state };
}
