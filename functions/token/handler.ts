import { reporterRole } from "@smart-token-broker/auth-core/http/caller-role.ts";
import { type HttpEvent, report } from "@smart-token-broker/auth-core/http/report.ts";
import { createTelemetry } from "@smart-token-broker/auth-core/telemetry.ts";
import {
  tokenResponse,
  problemDetails,
  type HttpResponse,
  validityFields,
} from "@smart-token-broker/auth-core/http/response.ts";
import { readTokenRequest } from "./rules/token-request.ts";
import { deployedPorts } from "@smart-token-broker/auth-core/deployed-ports.ts";
import { readSettings } from "@smart-token-broker/auth-core/rules/settings.ts";
import { TokenService } from "@smart-token-broker/auth-core/use-cases/token-service.ts";
import middy from "@middy/core";

const settings = readSettings(process.env);
const telemetry = createTelemetry("token", settings.stage);
const ports = deployedPorts(settings, telemetry.notice);
const tokens = new TokenService(ports);

/**
 * `GET /v1/connections/{connection}/token`: a token that is valid now.
 * `POST` to the same path: a valid token other than the one that the API rejected.
 */
async function answerTokenRequest(event: HttpEvent): Promise<HttpResponse> {
  const { requestId } = event.requestContext;
  const request = readTokenRequest(event);
  if (request.kind === "invalid") return problemDetails(request.failure, requestId);
  const { connection } = request;
  const reporter = reporterRole(event.requestContext.authorizer?.iam?.userArn);
  // Without a report there is no reporter: then concurrent requests of several callers share one lookup.
  const requirements =
    request.requirements.rejectedSha256 === undefined ? request.requirements : { ...request.requirements, reporter };
  const answer = await tokens.get(connection, requirements);
  const now = ports.clock.now();
  const response = tokenResponse(answer, now, requestId);
  return { ...response, line: { ...response.line, connection, ...validityFields(answer, requirements.minTtl, now) } };
}

export const handler = middy().use(report(telemetry)).handler(answerTokenRequest);
