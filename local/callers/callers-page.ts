import { distinct, parseCallers } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import { type DeployedCallers, describeCallers } from "@smart-token-broker/auth-core/rules/callers/deployed-callers.ts";
import { listPage, type OAuthFunction, readList } from "./caller-list.ts";

/**
 * Answers `POST /_local/callers`, which adds an entry to the list of callers of a local run: `broker callers add` sends it.
 *
 * @param oauth absent: the list has no caller with a key or a JWT, so there is no such function
 * @param deployed the callers that the command line finds; the new one is added to it
 */
export function callersPage(oauth: OAuthFunction | undefined, deployed: DeployedCallers) {
  return listPage("/_local/callers", oauth, (entry) => {
    if (!entry) return { status: 400, message: "The body must be an entry of the list of callers, as JSON." };
    if (!oauth) {
      const message =
        "No caller in its --callers has a key or an issuer. Add this caller there, and restart npm start.";
      return { status: 409, message };
    }
    try {
      const list = distinct([...readList(oauth), ...parseCallers([entry], { allowLoopbackHttp: true })]);
      Object.assign(deployed, describeCallers(list));
      return { status: 200, message: "Added.", list };
    } catch (error) {
      return { status: 400, message: (error as Error).message };
    }
  });
}
