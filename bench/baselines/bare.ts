import type { APIGatewayProxyEventV2 } from "aws-lambda";
import middy from "@middy/core";

/** The least that a handler with middy and a log does: one line of JSON per request, and a response. */
export const handler = middy<APIGatewayProxyEventV2>().handler(async ({ requestContext }) => {
  const { requestId, routeKey } = requestContext;
  const line = { level: "INFO", message: "request", timestamp: new Date(), requestId, route: routeKey, status: 200 };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  return {
    statusCode: 200,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
    body: JSON.stringify({ access_token: "fake-access", token_type: "Bearer", expires_in: 3600 }),
  };
});
