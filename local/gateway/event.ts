import type { GatewayEvent, GatewayOptions, IamContext, Identity } from "./options.ts";
import type { Arrived } from "./request.ts";

/** What reaches a function as text. All else is base64, form-urlencoded bodies and a missing type included. */
const TEXT = /^(text\/.+|application\/(json|xml|javascript))$/;

/**
 * The event of payload format 2.0 for a request that may pass. As on AWS, what is absent is left out (`body`,
 * `cookies`, `pathParameters`, `queryStringParameters`); repeated headers and query parameters are joined by a comma.
 *
 * `rawPath` and `http.path` are what arrived, percent-encoding and all. Live captures say that AWS hands them on
 * decoded; this is stricter, for it lets a function see, and refuse, a path that is not the canonical one.
 * `pathParameters` are decoded.
 *
 * Does not add AWS's `x-forwarded-*` and `x-amzn-trace-id` headers; `callerId` and `userId` are the access key's id.
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
    ...(headers.has("cookie") && { cookies: (headers.get("cookie") ?? []).flatMap((line) => line.split(/; */)) }),
    headers: Object.fromEntries([...joined].filter(([name]) => name !== "cookie")),
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
 * Whether AWS hands a body of this content type on as text. The documentation does not list the types; these were
 * measured on AWS by others (ministackorg/ministack, pull request 766).
 */
function isText(contentType = ""): boolean {
  return TEXT.test(contentType.split(";")[0]?.trim().toLowerCase() ?? "");
}

/** `24/Nov/2026:08:00:00 +0000`; the argument is epoch milliseconds. */
function commonLogTime(epochMs: number): string {
  const [, day, month, year, time] = new Date(epochMs).toUTCString().split(" ");
  return `${day}/${month}/${year}:${time} +0000`;
}
