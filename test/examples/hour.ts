import { parseCallers } from "../../functions/auth-core/rules/callers/callers.ts";
import { OAuthEndpoint } from "../../functions/oauth/edges/endpoint.ts";
import type { JwtVerifier } from "../../functions/oauth/use-cases/authenticate.ts";
import { buildEvent } from "../../local/gateway/event.ts";
import type { Arrived } from "../../local/gateway/request.ts";
import { sampleCallers } from "../../local/callers/sample-callers.ts";
import { memoryKeyTables, namesIn } from "../oauth/key-tables.ts";
import { startWorld } from "../support/world.ts";
import { testSettings } from "../support/registration.ts";

/** The response to a request, when it was sent, and the seconds that it waited. */
interface TimedResponse {
  at: number;
  waited: number;
  status: number;
  token: unknown;
  expiresIn: unknown;
}

const hour = 3600;
const minute = 60;

/**
 * Runs an hour and some minutes in which Smart Services is down for 24 minutes. The outage starts at the worst instant: a
 * second before the sweep that would have replaced the token, and that sweep is as late as possible. The recorded request
 * of a client is sent every second, and once a minute in a new environment.
 *
 * JWTs are not verified: the clock is stepped, so they would be of another year.
 */
export async function hourWithOutage(request: Arrived, issuer: string) {
  const world = await startWorld({ lifetime: hour });
  const { clock, simulator } = world;
  const connection = world.register("webapicorso", { scope: "webapicorso_alywebapicorso" });
  const callers = parseCallers(sampleCallers(issuer, [connection]), testSettings);
  const ports = { ...memoryKeyTables(namesIn(world.ports.table)), ...world.ports };
  const environment = () => new OAuthEndpoint(callers, ports, believing, testSettings);
  const event = eventOf(request);
  const responses: Promise<TimedResponse>[] = [];
  const sweeps: Promise<unknown>[] = [];
  const outage = { from: hour / 2 + minute - 2, lasts: 24 * minute };
  // Calls to Smart Services up to these instants.
  const calls = { first: 0, beforeOutage: 0, afterOutage: 0 };

  async function ask(endpoint: OAuthEndpoint): Promise<TimedResponse> {
    const at = clock.now();
    const { status, body } = await endpoint.answer(event);
    const { access_token: token, expires_in: expiresIn } = body as Record<string, unknown>;
    return { at, waited: clock.now() - at, status, token, expiresIn };
  }

  const upstreamCalls = () => simulator.counts.exchange + simulator.counts.refresh;
  const warm = environment();
  await world.settled(ask(warm));
  calls.first = upstreamCalls();
  for (let second = 0; second < hour + 10 * minute; second += 1) {
    if (second === outage.from) {
      simulator.setScenario({ mode: "unavailable" });
      calls.beforeOutage = upstreamCalls();
    }
    if (second === outage.from + outage.lasts) {
      simulator.setScenario({ mode: "ok" });
      calls.afterOutage = upstreamCalls();
    }
    if (second % minute === minute - 1) sweeps.push(world.sweep(connection));
    responses.push(ask(warm));
    if (second % minute === 45) responses.push(ask(environment()));
    await world.quiet();
    clock.advance(1);
  }
  await world.settled(Promise.all(sweeps));
  return {
    responses: await world.settled(Promise.all(responses)),
    calls,
  };
}

const believing: JwtVerifier = {
  async verify(token) {
    const [, claims = ""] = token.reveal().split(".");
    return {
      kind: "valid",
      claims: JSON.parse(Buffer.from(claims, "base64url").toString()) as Record<string, unknown>,
    };
  },
};

function eventOf(request: Arrived) {
  const api = { accountId: "123456789012", apiId: "fakeapi", stage: "$default" } as const;
  const matched = { routeKey: "POST /api/v1/auth/token", pathParameters: {} };
  return buildEvent(request, matched, api, { requestId: "fake-request-1", now: 0 });
}
