import type { Runtime } from "./runtime.ts";

/** What a request to the broker is for. */
export interface Order {
  connection: string;
  /** SHA-256 of a token that the business API rejected: then the broker replaces it. */
  rejectedSha256?: string | undefined;
  /** URL of the broker, without a slash at its end. */
  broker: string;
}

/** A request to the broker, with its credential. */
export interface BrokerRequest {
  url: string;
  method: "GET" | "POST";
  headers: Record<string, string>;
  body?: string;
  /** The credential as it is in the request, so that a response that repeats it can be cleaned. */
  secrets: string[];
}

/** How a service authenticates at the broker: `callerKey`, `jwt`, `iam`, `awsIdentity`, `githubActions` or `kubernetes`. */
export interface Credential {
  request(order: Order, runtime: Runtime): BrokerRequest | Promise<BrokerRequest>;
  /** Learns from a rejection; whether it is worth one more request at once. */
  learn?(response: Response, runtime: Runtime): boolean;
}

/**
 * A caller key of the broker's list `callers` (RFC 6749 §4.4). Never in a page or an app on a user's device.
 *
 * @param name of the entry
 * @param key `stb_…`
 * @throws TypeError if one is missing, as with an environment variable that is not set
 */
export function callerKey(name: string | undefined, key: string | undefined): Credential {
  if (!name) throw new TypeError("callerKey: the name is missing. Give the name of the entry in the list callers.");
  if (!key) throw new TypeError("callerKey: the key is missing. Is the environment variable set?");
  return {
    request: (order) =>
      formRequest(order, { grant_type: "client_credentials", client_id: name, client_secret: key }, [key]),
  };
}

/**
 * A JWT of an issuer in the broker's list `callers`, of a user or a workload (RFC 8693).
 *
 * @param supplier returns a valid JWT. The client calls it for each request to the broker, about once in half an hour
 * @throws TypeError if the supplier is no function
 */
export function jwt(supplier: () => string | Promise<string>): Credential {
  if (typeof supplier !== "function") throw new TypeError("jwt: give a function that returns a valid JWT.");
  return {
    async request(order) {
      const token = await supplier();
      if (typeof token !== "string" || token === "") throw new TypeError("The supplier of the JWT returned none.");
      const subject = { subject_token: token, subject_token_type: "urn:ietf:params:oauth:token-type:jwt" };
      return formRequest(order, { grant_type: "urn:ietf:params:oauth:grant-type:token-exchange", ...subject }, [token]);
    },
  };
}

function formRequest(order: Order, grant: Record<string, string>, secrets: string[]): BrokerRequest {
  const { broker, connection, rejectedSha256 } = order;
  const form = new URLSearchParams({ ...grant, scope: connection });
  if (rejectedSha256 !== undefined) form.set("rejected_token_sha256", rejectedSha256);
  return {
    url: `${broker}/oauth/token`,
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: form.toString(),
    secrets,
  };
}
