import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { doctorAgent } from "@smart-token-broker/auth-core/rules/settings.ts";
import { problemType } from "@smart-token-broker/auth-core/rules/failure-catalogue.ts";
import { callApi } from "../deployment/api.ts";
import { type Deployment, deployStep } from "../deployment/deployment.ts";
import { withProgress } from "../terminal/progress.ts";
import { again, broken, type Finding, ok, warning } from "./finding.ts";

/** Seconds of clock difference from which AWS rejects signatures, and from which the doctor warns. */
const brokenSkew = 300;
const warningSkew = 30;

const grantPage = "docs/connections.md#grant-a-caller";

/** Checks that only requests can make: unsigned requests, the clock, percent-encoded paths, open routes, pages. */
export async function checkApi(deployment: Deployment, connection: ConnectionId | undefined): Promise<Finding[]> {
  const unsigned = await send(deployment, tokenPath(connection));
  const date = Date.parse(unsigned.headers.get("date") ?? "") / 1000;
  return [
    unsignedFinding(unsigned.status, await unsigned.text()),
    clockFinding(date - Date.now() / 1000),
    connection
      ? await checkEncodedPath(deployment, connection)
      : ok("Percent-encoded paths were not checked: no connection was requested yet"),
    await checkOAuthRoutes(deployment),
    ...(await checkCallRoutes(deployment)),
    ...(await checkPages(deployment)),
  ];
}

/** The gateway must deny the request. Any response of the function, good or bad, means that no authorizer protects it. */
function unsignedFinding(status: number, body: string): Finding {
  if (status === 401 || status === 403) return ok("The API denies unsigned requests");
  if (status < 300 || body.includes(problemType)) {
    return broken(`The API answers unsigned requests (HTTP ${status})`, "remove the route: docs/runbook.md#api-open");
  }
  return warning(`Cannot check whether the API denies unsigned requests (HTTP ${status})`, again);
}

/** Sends a request without a credential. */
function send({ url }: Deployment, path: string, init: RequestInit = {}): Promise<Response> {
  const request = fetch(url + path, { redirect: "manual", signal: AbortSignal.timeout(10_000), ...init });
  return withProgress("Calling the API", request);
}

const tokenPath = (connection = "nobody") => `/v1/connections/${connection}/token`;

/** Whether the routes without IAM exist. The stacks create them only for a caller with a key or a JWT. */
async function checkOAuthRoutes(deployment: Deployment): Promise<Finding> {
  const { status } = await send(deployment, "/.well-known/oauth-authorization-server");
  if (status === 200) return ok("The OAuth routes answer");
  if (status === 404) return ok("There are no OAuth routes: no entry of callers has a caller key or an issuer");
  return warning(`Cannot check the OAuth routes (HTTP ${status})`, again);
}

/** Whether the routes of calls, which exist only for an entry with calls, reject a request without a credential. */
async function checkCallRoutes(deployment: Deployment): Promise<Finding[]> {
  const { status, headers } = await send(deployment, "/v1/connections/nobody/api/doctor", {
    headers: { "user-agent": doctorAgent },
  });
  if (status === 401 && headers.get("broker-response") === "broker") {
    return [ok("The routes of calls reject a request without a credential")];
  }
  if (status === 404) return [];
  return status < 300
    ? [broken(`The routes of calls answer a request without a credential (HTTP ${status})`, "report a bug")]
    : [warning(`Cannot check the routes of calls (HTTP ${status})`, again)];
}

/** Whether a page can call the API, and read the errors of the gateway itself. */
async function checkPages(deployment: Deployment): Promise<Finding[]> {
  const [origin] = deployment.corsOrigins;
  if (origin === undefined) return [];
  const preflight = await send(deployment, "/oauth/token", {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST" },
  });
  const denial = await send(deployment, tokenPath(), { headers: { origin } });
  if (preflight.status === 429 || preflight.status >= 500) {
    return [warning(`Cannot check whether pages can request tokens (HTTP ${preflight.status})`, again)];
  }
  const allowsOrigin = ({ headers }: Response) => headers.get("access-control-allow-origin") === origin;
  return [
    allowsOrigin(preflight)
      ? ok(`Pages of ${origin} can request tokens`)
      : broken(
          `Pages of ${origin} cannot request tokens: the preflight response has no CORS headers`,
          deployStep(deployment),
        ),
    allowsOrigin(denial)
      ? ok("Pages can read the errors of the gateway")
      : warning(
          "Pages cannot read the errors of the gateway: they have no CORS headers",
          "treat a failed fetch in a page as an error too (docs/callers.md)",
        ),
  ];
}

/** Compares clocks. Pure. `ahead` is the seconds that AWS is ahead of this machine; NaN if it sent no date. */
export function clockFinding(ahead: number): Finding {
  if (Number.isNaN(ahead)) return ok("The clock was not checked: the API sent no date");
  const difference = Math.round(Math.abs(ahead));
  if (difference < warningSkew) return ok("The clock of this machine is right");
  const what = `The clock of this machine is ${difference} s wrong`;
  const fix = "set it by NTP (Linux: sudo timedatectl set-ntp true)";
  return difference >= brokenSkew ? broken(`${what}: AWS rejects its signatures`, fix) : warning(what, fix);
}

/**
 * `%61cme` for `acme`: a caller that may use one spelling must not get through with another. Requests a status, because the
 * gateway decodes all paths or none, and a token request would look like a caller's error in the log.
 */
async function checkEncodedPath(deployment: Deployment, connection: ConnectionId): Promise<Finding> {
  const first = connection.charCodeAt(0).toString(16).padStart(2, "0");
  const statusFor = async (id: string) => (await callApi(deployment, `/v1/status/${id}`)).status;
  // A role without the permission would be denied with either spelling.
  const plain = await statusFor(connection);
  const status = plain === 200 ? await statusFor(`%${first}${connection.slice(1)}`) : plain;
  if (plain !== 200 || (status !== 200 && status !== 400 && status !== 403)) {
    const fix = plain === 403 ? "grant the permission (docs/cli.md#permissions)" : again;
    return warning(`Cannot check percent-encoded paths (HTTP ${status})`, fix);
  }
  return status === 200
    ? warning(
        "The API accepts percent-encoded paths: AWS decodes them before the function gets them",
        `grant callers exact ARNs only, and do not rely on Deny (${grantPage})`,
      )
    : ok(`The API rejects percent-encoded paths (HTTP ${status})`);
}
