import type { IncomingHttpHeaders } from "node:http";
import { type Answer, answerOfGrant, json } from "./answers.ts";
import type { Credentials } from "./credentials.ts";
import { readExchange } from "./exchange-request.ts";
import type { Scenario } from "./scenario.ts";
import { parseObject } from "../../console/parse-object.ts";

const wrong = (fault: string) => json(400, { error: "invalid_request", error_description: fault });

/** `POST /api/v1/auth/token`: 400 for a malformed request, 401 for a key that is not accepted, else tokens. */
export async function answerExchange(
  credentials: Credentials,
  scenario: Scenario,
  headers: IncomingHttpHeaders,
  body: Buffer,
): Promise<Answer> {
  const request = await readExchange(headers, body);
  if ("fault" in request) return wrong(request.fault);
  const grant = credentials.exchange(request, request.apiKey, scenario);
  return grant ? answerOfGrant(grant, scenario) : json(401, { error: "unauthorized" });
}

/** `POST /oauth/token`: 400 for a malformed request, 401 for a refresh token that is not accepted, else tokens. */
export function answerRefresh(
  credentials: Credentials,
  scenario: Scenario,
  headers: IncomingHttpHeaders,
  body: Buffer,
): Answer {
  if (!/^application\/json\b/i.test(headers["content-type"] ?? "")) {
    return wrong("Content-Type is not application/json");
  }
  const request = parseObject(body.toString());
  if (!request) return wrong("the body is not a JSON object");
  if (request["grant_type"] !== "refresh_token") return json(400, { error: "unsupported_grant_type" });
  const token = request["refresh_token"];
  if (typeof token !== "string" || token === "") return wrong("no refresh_token");
  const grant = credentials.refresh(token, scenario);
  return grant ? answerOfGrant(grant, scenario) : json(401, { error: "invalid_grant" });
}

/** The business API: 200 for a valid access token of the scope in the path, else 401. */
export function answerBusiness(credentials: Credentials, headers: IncomingHttpHeaders, path: string): Answer {
  const scope = credentials.scopeOf(/^Bearer (\S+)$/i.exec(headers.authorization ?? "")?.[1] ?? "");
  if (scope !== undefined && path.startsWith(`/api/v1/${encodeURIComponent(scope)}/`)) {
    return json(200, { ok: true, scope, path });
  }
  return json(401, { error: "invalid_token" }, { "www-authenticate": 'Bearer error="invalid_token"' });
}
