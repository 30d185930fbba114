import { parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { listPage, type OAuthFunction, readList } from "./callers/caller-list.ts";

/**
 * Answers `POST /_local/sample-list` with a `connection`: the callers of the sample list may then use it.
 * `broker connections add` sends it.
 *
 * @param oauth absent: the run has a list of its own (`--callers`)
 */
export function sampleListPage(oauth: OAuthFunction | undefined) {
  return listPage("/_local/sample-list", oauth, (body) => {
    const connection = body?.["connection"];
    const id = typeof connection === "string" ? parseConnectionId(connection) : undefined;
    if (!id) return { status: 400, message: "Invalid connection id." };
    if (!oauth) return { status: 409, message: "It has a list of its own (--callers)." };
    const list = readList(oauth).map((caller) =>
      caller.connections ? { ...caller, connections: [...new Set([...caller.connections, id])] } : caller,
    );
    return { status: 200, message: `Added ${id}.`, list };
  });
}
