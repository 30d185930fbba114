import middy from "@middy/core";
import { leanDynamoDb } from "@smart-token-broker/auth-core/adapters/dynamodb-lean.ts";
import { report } from "@smart-token-broker/auth-core/http/report.ts";
import { type HttpResponse, jsonResponse, problemDetails } from "@smart-token-broker/auth-core/http/response.ts";
import { createTelemetry } from "@smart-token-broker/auth-core/telemetry.ts";
import { systemClock } from "@smart-token-broker/auth-core/rules/clock.ts";
import { catchUnavailable, tableUnavailable } from "@smart-token-broker/auth-core/rules/failure.ts";
import { readSettings } from "@smart-token-broker/auth-core/rules/settings.ts";
import type { APIGatewayProxyEventV2 as Event } from "aws-lambda";
import { noStatus, statusOf } from "./rules/connection-status.ts";
import { readStatusRequest, type StatusRequest, writeCursor } from "./rules/status-request.ts";
import { dynamoDbStatusTable } from "./edges/status-table.ts";

const settings = readSettings(process.env);
const telemetry = createTelemetry("status", settings.stage);
const table = dynamoDbStatusTable(settings.tableName, leanDynamoDb(telemetry.notice));
const clock = systemClock();

/** `GET /v1/status`, page by page, and `GET /v1/status/{connection}`: only from the table, without secrets. */
async function answerStatus(event: Event): Promise<HttpResponse> {
  const { requestId } = event.requestContext;
  const request = readStatusRequest(event);
  if (request.kind === "invalid") return problemDetails(request.failure, requestId);
  return catchUnavailable(
    () => readStatus(request, requestId),
    (error) => {
      telemetry.notice({ kind: "table_unavailable", reason: error.message });
      return problemDetails(tableUnavailable, requestId);
    },
  );
}

async function readStatus(
  request: Exclude<StatusRequest, { kind: "invalid" }>,
  requestId: string,
): Promise<HttpResponse> {
  const now = clock.now();
  if (request.kind === "one") {
    const item = await table.read(request.connection);
    return item ? jsonResponse(statusOf(item, now)) : problemDetails(noStatus, requestId);
  }
  const { items, last } = await table.list(request.limit, request.after);
  const connections = items.map((item) => statusOf(item, now));
  return jsonResponse({ connections, ...(last && { next_cursor: writeCursor(last) }) });
}

export const handler = middy().use(report(telemetry)).handler(answerStatus);
