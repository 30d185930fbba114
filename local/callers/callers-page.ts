import { distinct, isServed, parseCallers } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import { type DeployedCallers, describeCallers } from "@smart-token-broker/auth-core/rules/callers/deployed-callers.ts";
import { listPage, type ListFunction, readList } from "./caller-list.ts";

/**
 * Answers `POST /_local/callers`, which adds an entry to the list of callers of a local run: `broker callers add` sends it.
 *
 * @param functions those that serve callers with a key or a JWT: tokens, calls, both or none, as the list needs them
 * @param deployed the callers that the command line finds; the new one is added to it
 */
export function callersPage(functions: readonly ListFunction[], deployed: DeployedCallers) {
  return listPage("/_local/callers", functions, (entry) => {
    if (!entry) return { status: 400, message: "The body must be an entry of the list of callers, as JSON." };
    try {
      const added = parseCallers([entry], { allowLoopbackHttp: true });
      if (!functions.some(({ served }) => added.every((caller) => isServed(caller, served)))) {
        const what =
          entry["calls"] === undefined
            ? "No caller in its --callers has a key or an issuer"
            : "No entry in its --callers has calls";
        return { status: 409, message: `${what}. Add this caller there, and restart npm start.` };
      }
      const list = distinct([...readList(functions), ...added]);
      Object.assign(deployed, describeCallers(list));
      return { status: 200, message: "Added.", list };
    } catch (error) {
      return { status: 400, message: (error as Error).message };
    }
  });
}
