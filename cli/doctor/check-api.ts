import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { problemType } from "@smart-token-broker/auth-core/http/problems.ts";
import { callApi } from "../deployment/api.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { withProgress } from "../terminal/progress.ts";
import { broken, type Finding, ok, warning } from "./finding.ts";

/** Seconds of difference from which AWS refuses a signature, and from which it is worth a word. */
const refusedSkew = 300;
const noticedSkew = 30;

/** What only the API itself can tell: that it refuses the unsigned, this clock, how IAM sees an encoded path, pages. */
export async function checkApi(deployment: Deployment, connection: ConnectionId | undefined): Promise<Finding[]> {
  const unsigned = await unsignedAnswer(deployment, connection);
  const date = Date.parse(unsigned.headers.get("date") ?? "") / 1000;
  return [
    judgeUnsigned(unsigned.status, await unsigned.text()),
    judgeClock(date - Date.now() / 1000),
    connection
      ? await checkEncodedPath(deployment, connection)
      : ok("how a percent-encoded path is seen cannot be told: no connection has a token yet"),
    ...(await checkPages(deployment)),
  ];
}

/** A refusal is the gateway's; an answer of the function, good or bad, means that there is no authorizer before it. Pure. */
function judgeUnsigned(status: number, body: string): Finding {
  if (status === 401 || status === 403) return ok("the API refuses a request that is not signed");
  if (status < 300 || body.includes(problemType)) {
    return broken(
      `the API answers ${status} to a request that is not signed`,
      "take the route away: docs/runbook.md#api-open",
    );
  }
  return warning(
    `whether the API refuses a request that is not signed cannot be told (HTTP ${status})`,
    "broker doctor",
  );
}

function unsignedAnswer(
  { url }: Deployment,
  connection = "nobody",
  headers: Record<string, string> = {},
): Promise<Response> {
  const asked = fetch(`${url}/v1/connections/${connection}/token`, { headers, signal: AbortSignal.timeout(10_000) });
  return withProgress("asking the API", asked);
}

/** Whether a page may call the API, and whether it can read what the gateway itself refuses. */
async function checkPages(deployment: Deployment): Promise<Finding[]> {
  const [origin] = deployment.corsOrigins;
  if (origin === undefined) return [];
  const preflight = await fetch(`${deployment.url}/oauth/token`, {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST" },
    signal: AbortSignal.timeout(10_000),
  });
  const refusal = await unsignedAnswer(deployment, undefined, { origin });
  if (preflight.status === 429 || preflight.status >= 500) {
    return [warning(`whether pages may ask for a token cannot be told (HTTP ${preflight.status})`, "broker doctor")];
  }
  const matchesClaims = ({ headers }: Response) => headers.get("access-control-allow-origin") === origin;
  return [
    matchesClaims(preflight)
      ? ok(`pages of ${origin} may ask for a token`)
      : broken(`pages of ${origin} may not ask for a token: no CORS headers on a preflight`, "npm run deploy"),
    matchesClaims(refusal)
      ? ok("pages can read the gateway's refusals")
      : warning(
          "pages cannot read the gateway's refusals: no CORS headers on them",
          "take a fetch that fails in a page for a refusal too (docs/callers.md)",
        ),
  ];
}

/** Seconds that AWS is ahead of this machine; NaN where it told no date. Pure. */
export function judgeClock(ahead: number): Finding {
  if (Number.isNaN(ahead)) return ok("the API tells no date: the clock was not compared");
  const difference = Math.round(Math.abs(ahead));
  if (difference < noticedSkew) return ok("the clock of this machine agrees with the API's");
  const what = `the clock of this machine is ${difference} s off`;
  const fix = "set it by NTP (Linux: sudo timedatectl set-ntp true)";
  return difference >= refusedSkew ? broken(`${what}: AWS refuses its signatures`, fix) : warning(what, fix);
}

/** `%61cme` for `acme`: whoever is allowed one spelling only must not get through by another. */
async function checkEncodedPath(deployment: Deployment, connection: ConnectionId): Promise<Finding> {
  const first = connection.charCodeAt(0).toString(16).padStart(2, "0");
  const asked = async (id: string) => (await callApi(deployment, `/v1/connections/${id}/token`)).status;
  // A role that may not ask at all would be refused either way.
  const plain = await asked(connection);
  const status = plain === 200 ? await asked(`%${first}${connection.slice(1)}`) : plain;
  if (plain !== 200 || (status !== 200 && status !== 400 && status !== 403)) {
    const fix =
      plain === 403
        ? `grant your role the token of ${connection} (docs/connections.md#grant-a-caller)`
        : "broker doctor";
    return warning(`how a percent-encoded path is seen cannot be told (HTTP ${status})`, fix);
  }
  return status === 200
    ? warning(
        "a percent-encoded path is answered: AWS hands it on decoded",
        "allow callers exact ARNs only, and rely on no Deny (docs/connections.md#grant-a-caller)",
      )
    : ok(`a percent-encoded path is refused (${status})`);
}
