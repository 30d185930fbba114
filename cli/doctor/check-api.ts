import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { callApi } from "../deployment/api.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { withProgress } from "../terminal/progress.ts";
import { broken, type Finding, ok, warning } from "./finding.ts";

/** Seconds of difference from which AWS refuses a signature, and from which it is worth a word. */
const refusedSkew = 300;
const noticedSkew = 30;

/** What only the API itself can tell: that it refuses the unsigned, this clock, and how IAM sees an encoded path. */
export async function checkApi(deployment: Deployment, connection: ConnectionId | undefined): Promise<Finding[]> {
  const path = `/v1/connections/${connection ?? "nobody"}/token`;
  const asked = fetch(deployment.url + path, { signal: AbortSignal.timeout(10_000) });
  const unsigned = await withProgress("asking the API", asked);
  const date = Date.parse(unsigned.headers.get("date") ?? "") / 1000;
  return [
    unsigned.status === 403 || unsigned.status === 401
      ? ok("the API refuses a request that is not signed")
      : broken(`the API answers ${unsigned.status} to a request that is not signed`, "npm run deploy"),
    judgeClock(date - Date.now() / 1000),
    ...(connection ? [await checkEncodedPath(deployment, connection)] : []),
  ];
}

/** Seconds that AWS is ahead of this machine; NaN where it told no date. Pure. */
export function judgeClock(ahead: number): Finding {
  if (Number.isNaN(ahead)) return ok("the API tells no date: the clock was not compared");
  const difference = Math.round(Math.abs(ahead));
  if (difference < noticedSkew) return ok("the clock of this machine agrees with the API's");
  const what = `the clock of this machine is ${difference} s off`;
  const mend = "sudo timedatectl set-ntp true";
  return difference >= refusedSkew ? broken(`${what}: AWS refuses its signatures`, mend) : warning(what, mend);
}

/** `%61cme` for `acme`: whoever is allowed one spelling only must not get through by another. */
async function checkEncodedPath(deployment: Deployment, connection: ConnectionId): Promise<Finding> {
  const first = connection.charCodeAt(0).toString(16).padStart(2, "0");
  const { status } = await callApi(deployment, `/v1/connections/%${first}${connection.slice(1)}/token`);
  return status === 200
    ? warning(
        "a percent-encoded path is answered: AWS hands it on decoded",
        "allow callers exact ARNs only, and rely on no Deny (README, Grant a caller)",
      )
    : ok(`a percent-encoded path is refused (${status})`);
}
