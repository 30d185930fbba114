import { report } from "@smart-token-broker/auth-core/http/report.ts";
import { observer } from "@smart-token-broker/auth-core/observe.ts";
import { answerReply, failureReply, type Reply, wantedLine } from "@smart-token-broker/auth-core/http/reply.ts";
import { readTokenRequest } from "@smart-token-broker/auth-core/http/token-request.ts";
import { deployedPorts } from "@smart-token-broker/auth-core/compose.ts";
import { readSettings } from "@smart-token-broker/auth-core/rules/settings.ts";
import { TokenService } from "@smart-token-broker/auth-core/use-cases/token-service.ts";
import middy from "@middy/core";
import type { APIGatewayProxyEventV2 as Event } from "aws-lambda";

const settings = readSettings(process.env);
const observe = observer("token", settings.stage);
const ports = deployedPorts(settings, observe.notice);
const tokens = new TokenService(ports);

/**
 * `GET /v1/connections/{connection}/token`: a token that is valid now.
 * `POST` to the same path: a token that is valid now and is not the one that the caller saw rejected.
 */
async function answerTokenRequest(event: Event): Promise<Reply> {
  const { requestId } = event.requestContext;
  const request = readTokenRequest(event);
  if ("failure" in request) return failureReply(request.failure, requestId);
  const { connection, want } = request;
  const answer = await tokens.get(connection, want);
  const now = ports.clock.now();
  const reply = answerReply(answer, now, requestId);
  return { ...reply, line: { ...reply.line, connection, ...wantedLine(answer, want.minTtl, now) } };
}

export const handler = middy().use(report(observe)).handler(answerTokenRequest);
