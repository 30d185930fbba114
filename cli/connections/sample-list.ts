import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { postLocal } from "../deployment/find-local.ts";

/** Lets the callers of a local run's sample list use a connection. Returns a sentence that says who can use it. */
export async function extendSampleList(local: Deployment, connection: ConnectionId): Promise<string> {
  const answer = await postLocal(local, "/_local/sample-list", { connection }).catch(() => undefined);
  // The answer's own words are not printed: another program may hold the port.
  if (answer?.status === 200)
    return `The callers of the sample list can use ${connection} too, until the local run ends.`;
  if (answer?.status === 409) return `The list of --callers stays as it is: add ${connection} to an entry there.`;
  return `The local run did not let its callers use ${connection}. Add it to a list, and start with --callers.`;
}
