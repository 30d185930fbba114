import type { MiddlewareObj } from "@middy/core";
import type {
  APIGatewayEventRequestContextV2,
  APIGatewayProxyEventV2WithRequestContext,
  APIGatewayProxyStructuredResultV2,
} from "aws-lambda";
import { callerRole } from "./caller-role.ts";
import type { Telemetry } from "../telemetry.ts";
import type { Failure } from "../rules/failure.ts";
import { problemDetails, type HttpResponse } from "./response.ts";

/** An event of API Gateway, for a route with or without IAM. */
export type HttpEvent = APIGatewayProxyEventV2WithRequestContext<
  APIGatewayEventRequestContextV2 & { authorizer?: { iam?: { userArn: string } } }
>;

/**
 * The outermost middleware of every HTTP function. Formats the handler's response for API Gateway, turns an exception into
 * a 500 that does not reveal its cause, and writes one log line and the metrics of the request.
 */
export function report(
  telemetry: Telemetry,
  toResponse: (failure: Failure, requestId: string) => HttpResponse = problemDetails,
): MiddlewareObj<HttpEvent, unknown> {
  const started = new WeakMap<object, number>();

  function finish(event: HttpEvent, response: HttpResponse): APIGatewayProxyStructuredResultV2 {
    const { requestId, routeKey, authorizer } = event.requestContext;
    const durationMs = Math.round((performance.now() - (started.get(event) ?? performance.now())) * 10) / 10;
    const caller = callerRole(authorizer?.iam?.userArn);
    telemetry.request(
      { requestId, route: routeKey, callerRole: caller, status: response.status, ...response.line },
      durationMs,
    );
    const { status: statusCode, headers, body } = response;
    if (!Buffer.isBuffer(body)) return { statusCode, headers, body: JSON.stringify(body) };
    return { statusCode, headers, body: body.toString("base64"), isBase64Encoded: true };
  }

  return {
    before({ event }) {
      started.set(event, performance.now());
    },
    after(request) {
      request.response = finish(request.event, request.response as HttpResponse);
    },
    onError(request) {
      const { requestId } = request.event.requestContext;
      telemetry.bug(request.error, requestId);
      const detail = "Internal error. The log has details under this request_id.";
      request.response = finish(request.event, toResponse({ code: "internal", detail }, requestId));
    },
  };
}
