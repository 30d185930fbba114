import type { MiddlewareObj } from "@middy/core";
import type {
  APIGatewayEventRequestContextV2,
  APIGatewayProxyEventV2WithRequestContext,
  APIGatewayProxyStructuredResultV2,
} from "aws-lambda";
import { callerRole } from "./caller-role.ts";
import type { Observer } from "../observe.ts";
import type { Failure } from "../rules/failure.ts";
import { problemDetails, type HttpResponse } from "./response.ts";

/** An event of the gateway, of a route with IAM or without. */
type Event = APIGatewayProxyEventV2WithRequestContext<
  APIGatewayEventRequestContextV2 & { authorizer?: { iam?: { userArn: string } } }
>;

/**
 * The outermost middleware of every HTTP function: turns the handler's reply into the gateway's form, whatever it threw
 * into a 500 without a word about the cause, and writes the one line and the metrics of the request.
 */
export function report(
  observe: Observer,
  asReply: (failure: Failure, requestId: string) => HttpResponse = problemDetails,
): MiddlewareObj<Event, unknown> {
  const started = new WeakMap<object, number>();

  function answer(event: Event, reply: HttpResponse): APIGatewayProxyStructuredResultV2 {
    const { requestId, routeKey, authorizer } = event.requestContext;
    const durationMs = Math.round((performance.now() - (started.get(event) ?? performance.now())) * 10) / 10;
    const caller = callerRole(authorizer?.iam?.userArn);
    observe.request(
      { requestId, route: routeKey, callerRole: caller, status: reply.status, ...reply.line },
      durationMs,
    );
    return { statusCode: reply.status, headers: reply.headers, body: JSON.stringify(reply.body) };
  }

  return {
    before({ event }) {
      started.set(event, performance.now());
    },
    after(request) {
      request.response = answer(request.event, request.response as HttpResponse);
    },
    onError(request) {
      const { requestId } = request.event.requestContext;
      observe.bug(request.error, requestId);
      const detail = "the broker failed in a way that it does not know; its log has more under this request_id";
      request.response = answer(request.event, asReply({ code: "internal", detail }, requestId));
    },
  };
}
