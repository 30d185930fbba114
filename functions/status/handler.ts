import middy from "@middy/core";
import { dynamoDbStatusTable } from "./status-table.ts";
import { jsonResponse, problemDetails, type HttpResponse } from "@smart-token-broker/auth-core/http/response.ts";
import { report } from "@smart-token-broker/auth-core/http/report.ts";
import { readStatusRequest, writeCursor } from "./status-request.ts";
import { createTelemetry } from "@smart-token-broker/auth-core/telemetry.ts";
import { systemClock } from "@smart-token-broker/auth-core/rules/clock.ts";
import { type Failure, tableUnavailable, UnavailableError } from "@smart-token-broker/auth-core/rules/failure.ts";
import { readSettings } from "@smart-token-broker/auth-core/rules/settings.ts";
import { statusOf } from "./connection-status.ts";
import type { APIGatewayProxyEventV2 as Event } from "aws-lambda";

const settings = readSettings(process.env);
const telemetry = createTelemetry("status", settings.stage);
const table = dynamoDbStatusTable(settings.tableName);
const clock = systemClock();

/** `GET /v1/status`, a page of it, and `GET /v1/status/{connection}`: from the table alone, and never a secret. */
async function answerStatus(event: Event): Promise<HttpResponse> {
  const { requestId } = event.requestContext;
  const request = readStatusRequest(event);
  if ("failure" in request) return problemDetails(request.failure, requestId);
  try {
    const now = clock.now();
    if ("connection" in request) {
      const item = await table.read(request.connection);
      return item ? jsonResponse(statusOf(item, now)) : problemDetails(neverAsked, requestId);
    }
    const { items, last } = await table.list(request.limit, request.after);
    const connections = items.map((item) => statusOf(item, now));
    return jsonResponse({ connections, ...(last && { next_cursor: writeCursor(last) }) });
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    telemetry.notice({ kind: "table_unavailable", reason: error.message });
    return problemDetails(tableUnavailable, requestId);
  }
}

const neverAsked: Failure = {
  code: "unknown_connection",
  detail: "nobody has asked for this connection yet, or there is none of this id",
};

export const handler = middy().use(report(telemetry)).handler(answerStatus);
