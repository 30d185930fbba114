import type { GatewayEvent, GatewayOptions, IamContext, Identity } from "./options.ts";
import type { Arrived } from "./request.ts";

/** Content types that reach a function as text. All others are base64, also urlencoded forms and a missing type. */
const TEXT = /^(text\/.+|application\/(json|xml|javascript))$/;

/**
 * The event of an authorized request, in payload format 2.0. As on AWS, absent parts are left out (`body`,
 * `pathParameters`, `queryStringParameters`), and repeated headers and query parameters are joined by a comma.
 *
 * `rawPath` and `http.path` keep the percent-encoding of the request. Live captures say that AWS decodes them. This is
 * stricter: a function sees a path that is not the canonical one, and can reject it. `pathParameters` are decoded.
 *
 * Does not add AWS's `x-forwarded-*` and `x-amzn-trace-id` headers, and leaves cookies among the headers. `callerId` and
 * `userId` are the access key id.
 *
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function buildEvent(
  { method, target, headers, body, sourceIp, protocol }: Arrived,
  matched: { routeKey: string; pathParameters: Record<string, string> },
  api: Pick<GatewayOptions, "accountId" | "apiId" | "stage">,
  invocation: { requestId: string; now: number; caller?: Identity },
): GatewayEvent {
  const joined = new Map([...headers].map(([name, values]) => [name, values.join(",")]));
  const host = joined.get("host") ?? "";
  const asText = isText(joined.get("content-type"));
  const timeEpoch = Math.floor(invocation.now * 1000);
  return {
    version: "2.0",
    routeKey: matched.routeKey,
    rawPath: target.rawPath,
    rawQueryString: target.rawQuery,
    headers: Object.fromEntries(joined),
    ...(target.query.length > 0 && { queryStringParameters: joinRepeated(target.query) }),
    requestContext: {
      accountId: api.accountId,
      apiId: api.apiId,
      ...(invocation.caller && { authorizer: { iam: iamContext(invocation.caller) } }),
      domainName: host,
      domainPrefix: host.split(".")[0] ?? "",
      http: { method, path: target.rawPath, protocol, sourceIp, userAgent: joined.get("user-agent") ?? "" },
      requestId: invocation.requestId,
      routeKey: matched.routeKey,
      stage: api.stage,
      time: commonLogTime(timeEpoch),
      timeEpoch,
    },
    ...(Object.keys(matched.pathParameters).length > 0 && { pathParameters: matched.pathParameters }),
    ...(body.length > 0 && { body: body.toString(asText ? "utf8" : "base64") }),
    isBase64Encoded: body.length > 0 && !asText,
  };
}

function joinRepeated(pairs: [string, string][]): Record<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of pairs) values.set(name, values.has(name) ? `${values.get(name)},${value}` : value);
  return Object.fromEntries(values);
}

function iamContext({ accessKeyId, userArn }: Identity): IamContext {
  return {
    accessKey: accessKeyId,
    accountId: userArn.split(":")[4] ?? "",
    callerId: accessKeyId,
    cognitoIdentity: null,
    principalOrgId: null,
    userArn,
    userId: accessKeyId,
  };
}

/**
 * Whether AWS passes a body of this content type as text. The documentation does not list the types; these were
 * measured on AWS by ministackorg/ministack (pull request 766).
 */
function isText(contentType = ""): boolean {
  return TEXT.test(contentType.split(";")[0]?.trim().toLowerCase() ?? "");
}

/** `24/Nov/2026:08:00:00 +0000`; the argument is epoch milliseconds. */
function commonLogTime(epochMs: number): string {
  const [, day, month, year, time] = new Date(epochMs).toUTCString().split(" ");
  return `${day}/${month}/${year}:${time} +0000`;
}
