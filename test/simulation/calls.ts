import { callerKeyHash } from "../../functions/auth-core/rules/callers/caller-key.ts";
import { parseCallers } from "../../functions/auth-core/rules/callers/callers.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { CallsEndpoint } from "../../functions/calls/edges/endpoint.ts";
import type { Api, ApiRequest, ApiResult } from "../../functions/calls/use-cases/api.ts";
import { testSettings } from "../../fixtures/registration.ts";
import { tokenEvent } from "../../fixtures/token-event.ts";
import type { newNetwork } from "./network.ts";
import type { Act, Plan } from "./plan.ts";
import type { Process, Runtime } from "./process.ts";
import { drawsOf } from "./random.ts";
import type { newUpstream } from "./upstream.ts";

export const apiBaseUrl = "https://api.test/base";
const key = `stb_${"fake-key-of-erp_".repeat(4).slice(0, 43)}`;
const hash = callerKeyHash(new Secret(key));

const rules = [
  { methods: ["GET"], path: "/orders/*" },
  { methods: ["GET", "POST"], path: "/api/{scope}/CO/**" },
];

interface Request {
  method: string;
  path: string;
  /** The path that the API gets; absent: no rule allows the call. */
  sent?: string;
}

/** What callers try. `ID` is the connection, which is its scope too. */
const requests: [method: string, path: string, sent?: string][] = [
  ["GET", "orders/7", "/base/orders/7"],
  ["GET", "api/{scope}/CO/Orders", "/base/api/ID/CO/Orders"],
  ["POST", "api/ID/CO/Orders", "/base/api/ID/CO/Orders"],
  ["POST", "orders/7"],
  ["GET", "orders/7/lines"],
  ["GET", "api/connection-9/CO/Orders"],
  ["DELETE", "api/ID/CO/Orders"],
];

/** What a call tries: any request now and then, mostly one that is allowed. */
export function requestOf(connection: string, choice: number): Request {
  const index = choice < 0.7 ? Math.floor((choice / 0.7) * 3) : 3 + Math.floor(((choice - 0.7) / 0.3) * 4);
  const [method = "", path = "", sent] = (requests[index] ?? []).map((text) => text?.replace("ID", connection));
  return { method, path, ...(sent !== undefined && { sent }) };
}

/** The function calls, the list of callers that operators revoke from, and the business API. */
export function newCalls(
  seed: number,
  { now, record }: Runtime,
  network: ReturnType<typeof newNetwork>,
  plan: Plan,
  upstream: ReturnType<typeof newUpstream>,
  isTableDown: () => boolean,
) {
  const revoked = new Map<string, { name: string; at: number }>();
  const draws = drawsOf(seed, "api");
  /** The API answers 401 to every token, or is down at times, or neither. */
  const habit = draws.pick(["rejects", "down", "fine"] as const);
  const callers = parseCallers(
    [{ name: "erp", connections: plan.connections.map(({ id }) => id), keySha256: [hash], calls: rules }],
    testSettings,
  );

  function answer(process: Process, connection: string, request: ApiRequest): ApiResult {
    const token = request.token.reveal();
    const issued = upstream.tokens.get(token);
    const isAccepted = issued !== undefined && issued.endedAt === undefined && issued.expiresAt > now();
    const isDown = habit === "down" && drawsOf(seed, `down ${Math.floor(now() / 100)}`).is(0.3);
    const status = isDown ? 503 : isAccepted && habit !== "rejects" ? 200 : 401;
    record({ kind: "sent", process, connection, token, method: request.method, path: request.path, status });
    return { kind: "response", status, headers: {}, body: Buffer.alloc(0) };
  }

  /** The endpoint of one environment. */
  function endpointOf(process: () => Process, ports: Ports): CallsEndpoint {
    const api: Api = {
      async send(request, seconds) {
        const by = process();
        const { connection: of = "" } = by;
        try {
          return await network.call(
            by,
            "api.send",
            { attempts: 1, timeout: seconds },
            () => answer(by, of, request),
            of,
          );
        } catch (error) {
          if (!(error instanceof UnavailableError)) throw error;
          const isDeadSocket = by.draws.is(0.5);
          return by.draws.is(0.5) ? { kind: "timeout" } : { kind: "unreachable", isDeadSocket };
        }
      },
    };
    const revokedKeys = {
      read: () =>
        network.call(
          process(),
          "revoked.read",
          { attempts: 3, timeout: 1, isDown: isTableDown() },
          () => new Map(revoked),
        ),
    };
    const verifier = { verify: async () => ({ kind: "invalid", reason: "fake" }) as const };
    return new CallsEndpoint(
      callers,
      { ...ports, revokedKeys, api, search: async () => false },
      verifier,
      testSettings,
    );
  }

  return {
    habit,
    endpointOf,
    eventOf(connection: string, choice: number) {
      const { method, path } = requestOf(connection, choice);
      const event = tokenEvent(connection, { rawPath: `/v1/connections/${connection}/api/${path}` });
      return {
        ...event,
        pathParameters: { connection, path },
        headers: { authorization: `Bearer ${key}` },
        requestContext: { ...event.requestContext, http: { ...event.requestContext.http, method } },
      };
    },
    /** An operator revokes the caller's key, or undoes that. */
    act({ act }: Pick<Act, "act">): void {
      if (act === "revokeCaller") revoked.set(hash, { name: "erp", at: now() });
      else revoked.delete(hash);
      record({ kind: "caller", revoked: revoked.size > 0 });
    },
  };
}
