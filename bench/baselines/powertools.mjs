import { Logger } from "@aws-lambda-powertools/logger";
import { injectLambdaContext } from "@aws-lambda-powertools/logger/middleware";
import middy from "@middy/core";

const logger = new Logger({ serviceName: "bare" });

/** The least that a handler with middy and the logger of Powertools does: one line per request, and a response. */
export const handler = middy()
  .use(injectLambdaContext(logger))
  .handler(async ({ requestContext }) => {
    logger.info("request", { requestId: requestContext.requestId, route: requestContext.routeKey, status: 200 });
    return {
      statusCode: 200,
      headers: { "content-type": "application/json", "cache-control": "no-store" },
      body: JSON.stringify({ access_token: "fake-access", token_type: "Bearer", expires_in: 3600 }),
    };
  });
