import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { Notice } from "../../functions/auth-core/rules/notice.ts";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import type { CallRequest } from "../../functions/calls/rules/call-request.ts";
import type { Api, ApiRequest, ApiResult, Search } from "../../functions/calls/use-cases/api.ts";
import { type CallLine, CallMaker, type EntryRule } from "../../functions/calls/use-cases/make-call.ts";
import { fakeRegistration } from "../../fixtures/registration.ts";
import { accessToken, type UpstreamBehaviour } from "../replacement/fake-upstream.ts";
import { newStage } from "../replacement/stage.ts";
import { fakeTokenSet } from "../support/items.ts";

export const apiBaseUrl = "https://api.test/base";
const scope = "webapicorso_alywebapicorso";

/** What an answer of the API is in short: a status, or a result as it is. */
export type Answer = number | ApiResult;

export const answered = (status: number, body = "", headers: Record<string, string> = {}): ApiResult => ({
  kind: "response",
  status,
  headers,
  body: Buffer.from(body),
});

interface Of {
  /** Seconds since the stored token was obtained. */
  age?: number;
  /** Fields of the registration. */
  registered?: Record<string, unknown>;
  upstream?: Partial<UpstreamBehaviour>;
}

/** A connection in memory, under a stepped clock, whose callers may use `/orders/*` and `/{scope}/**`. */
export async function startCalling({ age = 600, registered = { apiBaseUrl }, upstream }: Of = {}) {
  const stage = newStage(upstream);
  const { clock, connection } = stage;
  const notices: Notice[] = [];
  const ports = {
    ...stage.process("a", (_, act) => act()),
    notice: (notice: Notice) => void notices.push(notice),
  };
  const register = (fields: Record<string, unknown>) => {
    stage.secret = { kind: "registered", registration: fakeRegistration(fields), warnings: [] };
  };
  register(registered);
  const left = 3600 - age;
  const { credentialFingerprint, keyFingerprint } = fakeRegistration(registered);
  await stage.store(left, {
    nextActionAt: clock.now() + 1800,
    tokenSet: fakeTokenSet({
      accessToken: new Secret(accessToken(0)),
      accessTokenExpiresAt: clock.now() + left,
      obtainedAt: clock.now() - age,
      dueAt: clock.now() + 1800,
      registeredScope: scope,
      credentialFingerprint,
      keyFingerprint,
      ...registered,
    }),
  });
  const sent: ApiRequest[] = [];
  const rules: EntryRule[] = [
    { entry: "portal", rule: { methods: ["GET", "POST"], path: "/orders/*" } },
    { entry: "portal", rule: { methods: ["GET"], path: "/{scope}/**" } },
    { entry: "public", rule: { methods: ["GET"], path: "/*/CO/Public" } },
  ];

  /** An environment whose API answers as listed, and with 200 from then on. */
  function environment(answers: Answer[] = [], more: Partial<Ports & { api: Api; search: Search }> = {}) {
    const all = { ...ports, ...more };
    const api: Api = more.api ?? {
      async send() {
        const answer = answers.shift() ?? 200;
        return typeof answer === "number" ? answered(answer) : answer;
      },
    };
    const send: Api["send"] = (request, seconds) => (sent.push(request), api.send(request, seconds));
    const tokens = new TokenService(all);
    const options = { allowLoopbackHttp: more.api !== undefined };
    const maker = new CallMaker(tokens, { ...all, api: { send }, search: more.search ?? (async () => false) }, options);
    const line: CallLine = {};
    return {
      tokens,
      line,
      /** Makes a call of an entry, and lets the time pass that it waits for. `before`: seconds that it took to authenticate. */
      call: async ({
        of = connection,
        before = 0,
        by = "portal",
        ...request
      }: Partial<CallRequest> & { of?: typeof connection; before?: number; by?: string } = {}) => {
        const path = { segments: ["orders", "7"], query: "" };
        const whole: CallRequest = { method: "GET", ...path, body: Buffer.alloc(0), ...request };
        const own = by === "portal" ? rules : rules.slice(0, 1).map(({ rule }) => ({ entry: by, rule }));
        const caller = { connection: of, rules: own, reporter: `${by} fake-user`, arrivedAt: clock.now() - before };
        const result = await clock.passUntil(maker.call(caller, whole, { accept: "*/*" }, line));
        return "code" in result ? { ...result, summary: result.code } : { ...result, summary: result.status };
      },
    };
  }

  return {
    ...stage,
    ports,
    notices,
    sent,
    /** The token of each request to the API. */
    tokensSent: () => sent.map(({ token }) => token.reveal()),
    environment,
    register,
    item: async () => (await ports.table.read(connection, "strong")) as ConnectionItem,
  };
}
