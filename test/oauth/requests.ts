import { accountOf } from "../support/function-environment.ts";
import { multipart, type Sent, urlencoded } from "./request-bodies.ts";

const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
export const exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange";
export const jwtType = "urn:ietf:params:oauth:token-type:jwt";

/** Fields of the vendor's form, for a connection. */
export const vendorFields = (credential: string, id = "webapicorso") => ({
  ...accountOf(id),
  token: `Bearer ${credential}`,
});

/** The vendor's form, as curl sends it. */
export function vendorForm(credential: string, id?: string): Sent {
  return multipart(Object.entries(vendorFields(credential, id)));
}

export function exchange(subject: string, more: Record<string, string> = {}): Sent {
  return urlencoded({ grant_type: exchangeGrant, subject_token: subject, subject_token_type: jwtType, ...more });
}

export function clientCredentials(more: Record<string, string> = {}): Sent {
  return urlencoded({ grant_type: "client_credentials", ...more });
}

/** Client credentials with a JWT as client assertion. */
export function assertion(jwt: string, more: Record<string, string> = {}): Sent {
  return clientCredentials({ client_assertion: jwt, client_assertion_type: jwtBearer, ...more });
}

/** RFC 6749 §2.3.1: both halves form-urlencoded. */
export function basic(name: string, secret: string): { authorization: string } {
  const halves = [name, secret].map(encodeURIComponent).join(":");
  return { authorization: `Basic ${Buffer.from(halves).toString("base64")}` };
}
