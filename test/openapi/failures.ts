import { createHash } from "node:crypto";
import type { FailureCode } from "@smart-token-broker/auth-core/rules/failure.ts";
import { type Asked, callerKey, type Whole } from "./broker.ts";
import { get, oauth, oauthToken, post, postToken, vendor, vendorToken } from "./requests.ts";

/** A connection to ask for, and the token to report as rejected. */
export interface Given {
  id: string;
  rejected?: string;
}

/** What a connection can be like; the other failures are those of a request and of a bug. */
type Provokable = Exclude<FailureCode, "invalid_request" | "internal">;

/** How a failure comes about, whichever route asks: makes it so. */
export const failures: Record<Provokable, (on: Whole) => Promise<Given>> = {
  async unknown_connection(on) {
    const { id } = await on.connection();
    await on.expire(id);
    await on.remove(id);
    return { id };
  },
  async connection_not_ready(on) {
    const id = await on.emptyConnection();
    await on.expire(id);
    return { id };
  },
  async too_soon(on) {
    const { id } = await on.connection();
    const { access_token: token } = JSON.parse((await on.request(get(id))).text) as { access_token: string };
    return { id, rejected: createHash("sha256").update(token).digest("hex") };
  },
  async credentials_rejected(on) {
    const { id, apiKey } = await on.connection();
    on.simulator.revokeKey(apiKey);
    return { id };
  },
  async upstream_malformed(on) {
    on.simulator.setScenario({ mode: "html" });
    return on.connection();
  },
  async upstream_unavailable(on) {
    on.simulator.setScenario({ mode: "unavailable" });
    return on.connection();
  },
  async unavailable(on) {
    on.secrets.faults.set("GetSecretValue", "AccessDeniedException");
    return on.connection();
  },
};

export const failureCodes = Object.keys(failures) as Provokable[];

/** A request of a route for this connection that nothing is wrong with. */
export function requestOf(route: string, { id, rejected }: Given): Asked {
  const fields = rejected === undefined ? undefined : { rejected_token_sha256: rejected };
  switch (route) {
    case postToken:
      return post(id, fields);
    case vendorToken:
      return vendor(id, callerKey, fields);
    case oauthToken:
      return oauth(id, callerKey, fields);
    default:
      return get(id);
  }
}
