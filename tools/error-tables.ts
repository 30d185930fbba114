import { callFailureTexts, failureTexts } from "@smart-token-broker/auth-core/failure-texts.ts";
import { type CallFailureCode, callFailures } from "@smart-token-broker/auth-core/rules/call-failures.ts";
import { failureCatalogue, failureCodes } from "@smart-token-broker/auth-core/rules/failure-catalogue.ts";
import { requestErrors } from "@smart-token-broker/oauth/rules/oauth-error.ts";
import { table } from "./markdown.ts";

/** What a caller of a token endpoint does about each error. */
const oauthActions: Record<string, string> = {
  invalid_request: "Fix what `error_description` names: a field, the Content-Type, a body over 16 KiB.",
  unsupported_grant_type: "Use one of the [three grants](callers.md#oauth), or the vendor's refresh.",
  invalid_client:
    "The credential is missing, wrong, revoked, expired, in the wrong field or of another `client_id`. Or the JWT matches no [entry](callers.md#which-jwts-an-entry-matches), or breaks a [rule](callers.md#what-a-jwt-needs). The broker does not say which.",
  invalid_grant:
    "The same, for a JWT in a token exchange or for a refresh token. With a JWT: the user signs in again. With a refresh token: send the first request again.",
  invalid_scope:
    "No connection of this caller has this username and scope, or several have; or the connection has no secret. If the connection [never had a token](callers.md#the-vendors-api), send its id as `scope` once.",
  temporarily_unavailable: "Retry after `Retry-After`.",
  server_error: "Server-side error. Report the `code` to the operator.",
};

/** The generated tables of docs/errors.md, by the name of their marks. */
export const errorTables = (): Record<string, string> => ({
  "problem details": table(
    ["code", "status", "cause", "what to do"],
    failureCodes.map((code) => {
      const { cause, action } = failureTexts[code];
      return [`\`${code}\``, String(failureCatalogue[code].status), cause, action];
    }),
  ),
  "problems of calls": table(
    ["code", "status", "cause", "what to do"],
    (Object.keys(callFailures) as CallFailureCode[]).map((code) => {
      const { cause, action } = callFailureTexts[code];
      return [`\`${code}\``, String(callFailures[code].status), cause, action];
    }),
  ),
  "OAuth errors": table(
    ["error", "status and `code`", "what to do"],
    Object.entries(oauthActions).map(([error, action]) => [`\`${error}\``, statusesOf(error), action]),
  ),
});

/** The status of the error itself, then of each failure that callers get as this error. */
function statusesOf(error: string): string {
  const own = Object.entries(requestErrors).flatMap(([name, status]) => (name === error ? [String(status)] : []));
  const failures = failureCodes.filter(
    (code) => code !== "invalid_request" && failureCatalogue[code].oauthError === error,
  );
  const byStatus = Map.groupBy(failures, (code) => failureCatalogue[code].status);
  const listed = [...byStatus].map(([status, codes]) => `${status} ${codes.map((code) => `\`${code}\``).join(", ")}`);
  return [...own, ...listed].join("; ");
}
