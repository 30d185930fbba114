import { parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { listPage, type ListFunction, readList } from "./callers/caller-list.ts";

/**
 * Answers `POST /_local/sample-list` with a `connection`: the callers of the sample list may then use it.
 * `broker connections add` sends it.
 *
 * @param functions absent: the run has a list of its own (`--callers`)
 */
export function sampleListPage(functions: readonly ListFunction[] | undefined) {
  return listPage("/_local/sample-list", functions ?? [], (body) => {
    const connection = body?.["connection"];
    const id = typeof connection === "string" ? parseConnectionId(connection) : undefined;
    if (!id) return { status: 400, message: "Invalid connection id." };
    if (!functions) return { status: 409, message: "It has a list of its own (--callers)." };
    const list = readList(functions).map((caller) =>
      caller.connections ? { ...caller, connections: [...new Set([...caller.connections, id])] } : caller,
    );
    return { status: 200, message: `Added ${id}.`, list };
  });
}
