import { randomUUID } from "node:crypto";
import type { APIGatewayProxyEventV2WithIAMAuthorizer } from "aws-lambda";

export type TokenEvent = APIGatewayProxyEventV2WithIAMAuthorizer;

const route = "/v1/connections/{connection}/token";

/**
 * The event of an HTTP API of AWS for a token request (payload format 2.0), as in its documentation.
 *
 * `connection` is the decoded parameter of the path. `rawPath` is the path as it was sent.
 */
export function tokenEvent(
  connection: string,
  more: { rawPath?: string; query?: Record<string, string>; userArn?: string; post?: string | undefined } = {},
): TokenEvent {
  const { rawPath = `/v1/connections/${connection}/token`, query, post } = more;
  const userArn = more.userArn ?? "arn:aws:sts::123456789012:assumed-role/orders/session-1";
  const method = post === undefined ? "GET" : "POST";
  return {
    version: "2.0",
    routeKey: `${method} ${route}`,
    rawPath,
    rawQueryString: new URLSearchParams(query).toString(),
    headers: {
      accept: "*/*",
      authorization: "AWS4-HMAC-SHA256 Credential=FAKEID/20261124/eu-south-1/execute-api/aws4_request",
      "content-length": String(post?.length ?? 0),
      "content-type": "application/json",
      host: "fakeapi.execute-api.eu-south-1.amazonaws.com",
      "x-amz-security-token": "fake-session-token",
    },
    ...(query && { queryStringParameters: query }),
    requestContext: {
      accountId: "123456789012",
      apiId: "fakeapi",
      authentication: null,
      authorizer: {
        iam: {
          accessKey: "FAKEID",
          accountId: "123456789012",
          callerId: "FAKEROLE:session-1",
          cognitoIdentity: null,
          principalOrgId: "o-fake",
          userArn,
          userId: "FAKEROLE:session-1",
        },
      },
      domainName: "fakeapi.execute-api.eu-south-1.amazonaws.com",
      domainPrefix: "fakeapi",
      http: { method, path: rawPath, protocol: "HTTP/1.1", sourceIp: "192.0.2.1", userAgent: "test" },
      requestId: randomUUID(),
      routeKey: `${method} ${route}`,
      stage: "$default",
      time: "24/Nov/2026:07:00:00 +0000",
      timeEpoch: 1_795_503_600_000,
    } as unknown as TokenEvent["requestContext"],
    pathParameters: { connection },
    ...(post !== undefined && { body: post }),
    isBase64Encoded: false,
  };
}
