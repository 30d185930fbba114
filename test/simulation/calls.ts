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
const keyOf = (entry: string) => `stb_${`fake-key-of-${entry}_`.repeat(4).slice(0, 43)}`;
const entries = ["erp", "portal"].map((name) => ({ name, hash: callerKeyHash(new Secret(keyOf(name))) }));

const rules = [
  { methods: ["GET"], path: "/orders/*" },
  { methods: ["GET", "POST"], path: "/api/{scope}/CO/**" },
];

interface Request {
  /** The entry of its caller. */
  entry: string;
  method: string;
  path: string;
  /** The path that the API gets; absent: no rule allows the call. */
  sent?: string;
}

/** What callers try. `ID` is the connection, which is its scope too. */
const requests: [entry: string, method: string, path: string, sent?: string][] = [
  ["erp", "GET", "orders/7", "/base/orders/7"],
  ["erp", "GET", "api/{scope}/CO/Orders", "/base/api/ID/CO/Orders"],
  ["erp", "POST", "api/ID/CO/Orders", "/base/api/ID/CO/Orders"],
  ["portal", "GET", "orders/8", "/base/orders/8"],
  ["portal", "GET", "orders/9", "/base/orders/9"],
  ["erp", "POST", "orders/7"],
  ["erp", "GET", "orders/7/lines"],
  ["portal", "GET", "api/connection-9/CO/Orders"],
  ["portal", "DELETE", "api/ID/CO/Orders"],
];

/** What a call tries: any request now and then, mostly one that is allowed. */
export function requestOf(connection: string, choice: number): Request {
  const index = choice < 0.8 ? Math.floor((choice / 0.8) * 5) : 5 + Math.floor(((choice - 0.8) / 0.2) * 4);
  const [entry = "", method = "", path = "", sent] = (requests[index] ?? []).map((text) =>
    text?.replace("ID", connection),
  );
  return { entry, method, path, ...(sent !== undefined && { sent }) };
}

/** The function calls, the list of callers that operators revoke from, and the business API. */
export function newCalls(
  seed: number,
  { now, record, wait }: Runtime,
  network: ReturnType<typeof newNetwork>,
  plan: Plan,
  upstream: ReturnType<typeof newUpstream>,
  isTableDown: () => boolean,
) {
  const revoked = new Map<string, { name: string; at: number }>();
  const draws = drawsOf(seed, "api");
  /**
   * The API answers 401 to every token, or is down at times, or neither. Or it denies orders/8 with 401 and forgets its
   * tokens every 1,000 s, or it never answers the portal.
   */
  const habit = draws.pick(["rejects", "down", "fine", "denies", "hangs"] as const);
  const connections = plan.connections.map(({ id }) => id);
  const callers = parseCallers(
    entries.map(({ name, hash }) => ({ name, connections, keySha256: [hash], calls: rules })),
    testSettings,
  );

  async function answer(
    process: Process,
    connection: string,
    request: ApiRequest,
    seconds: number,
  ): Promise<ApiResult> {
    if (habit === "hangs" && /[89]$/.test(request.path)) {
      await wait(process, seconds);
      return { kind: "timeout" };
    }
    const token = request.token.reveal();
    const issued = upstream.tokens.get(token);
    const isForgotten = habit === "denies" && Number(issued?.at) < Math.floor(now() / 1000) * 1000;
    const isDenied = habit === "rejects" || (habit === "denies" && request.path.endsWith("8")) || isForgotten;
    const isAccepted = issued !== undefined && issued.endedAt === undefined && issued.expiresAt > now();
    const isDown = habit === "down" && drawsOf(seed, `down ${Math.floor(now() / 100)}`).is(0.3);
    const status = isDown ? 503 : isAccepted && !isDenied ? 200 : 401;
    record({ kind: "sent", process, connection, token, method: request.method, path: request.path, status });
    return { kind: "response", status, headers: {}, body: Buffer.alloc(0) };
  }

  /** The endpoint of one environment. */
  function endpointOf(process: () => Process, ports: Ports): CallsEndpoint {
    const api: Api = {
      async send(request, seconds) {
        const by = process();
        const { connection: of = "" } = by;
        const client = { attempts: 1, timeout: seconds };
        const lost = (error: unknown): ApiResult => {
          if (!(error instanceof UnavailableError)) throw error;
          const isDeadSocket = by.draws.is(0.5);
          return by.draws.is(0.5) ? { kind: "timeout" } : { kind: "unreachable", isDeadSocket };
        };
        const call = network.call(by, "api.send", client, () => answer(by, of, request, seconds), of);
        const result = await call.catch(lost);
        record({ kind: "result", process: by, connection: of, result: result.kind });
        return result;
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
      const { entry, method, path } = requestOf(connection, choice);
      const event = tokenEvent(connection, { rawPath: `/v1/connections/${connection}/api/${path}` });
      return {
        ...event,
        pathParameters: { connection, path },
        headers: { authorization: `Bearer ${keyOf(entry)}` },
        requestContext: { ...event.requestContext, http: { ...event.requestContext.http, method } },
      };
    },
    /** An operator revokes the callers' keys, or undoes that. */
    act({ act }: Pick<Act, "act">): void {
      for (const { name, hash } of entries) {
        if (act === "revokeCaller") revoked.set(hash, { name, at: now() });
        else revoked.delete(hash);
      }
      record({ kind: "caller", revoked: revoked.size > 0 });
    },
  };
}
