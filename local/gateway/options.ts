import type { IncomingMessage, ServerResponse } from "node:http";
import type { APIGatewayEventRequestContextV2, APIGatewayProxyEventV2 } from "aws-lambda";
import type { LoopbackOptions } from "../../console/loopback-server.ts";
import type { SignatureFault } from "./signature-fault.ts";

/** A known caller: its key pair, its ARN, and the execute-api ARNs that it may invoke. */
export type Identity = {
  accessKeyId: string;
  secretAccessKey: string;
  userArn: string;
  /** Allow patterns with IAM's wildcard: `*` matches any characters, also `/`. */
  allow: string[];
};

/** The event of a function: payload format 2.0, with `authorizer.iam` on routes with IAM. */
export type GatewayEvent = APIGatewayProxyEventV2 & {
  requestContext: APIGatewayEventRequestContextV2 & { authorizer?: { iam: IamContext } };
};

/** The caller. Unlike the published type, the organisation is null: local callers have none. */
export type IamContext = {
  accessKey: string;
  accountId: string;
  callerId: string;
  cognitoIdentity: null;
  principalOrgId: null;
  userArn: string;
  userId: string;
};

export type Route = {
  /** `"GET /v1/things/{thing}"` or `"ANY /files/{proxy+}"`. */
  routeKey: string;
  authorization: "AWS_IAM" | "NONE";
  /** Resolves with the function's return value; rejects if the function fails. */
  invoke(event: GatewayEvent): Promise<unknown>;
  /** `rate`: requests per second on average; `burst`: requests at the same moment. */
  throttle?: Throttle;
};

export type Throttle = { rate: number; burst: number };

export type Cors = {
  /** Exact origins: the list of callers has no others. */
  allowOrigins: string[];
  allowMethods: string[];
  allowHeaders: string[];
  exposeHeaders: string[];
  /** Seconds that a browser may cache a preflight. */
  maxAge: number;
};

/** One access log line. It has no header, query or body, so no credential can get into it. */
export type AccessLine = {
  requestId: string;
  /** `"-"` if no route matches. */
  routeKey: string;
  status: number;
  userArn?: string;
  /** The reason of a 403. AWS does not log it; it helps a developer whose signature fails. */
  refused?: SignatureFault | "not_allowed";
  ip: string;
  /** Bytes of the body. */
  responseLength: number;
  durationMs: number;
};

export type GatewayOptions = LoopbackOptions & {
  apiId: string;
  accountId: string;
  region: string;
  stage: "$default";
  routes: Route[];
  cors?: Cors;
  identities: Identity[];
  /** Epoch seconds. */
  clock: { now(): number };
  /** Milliseconds until a function that does not answer gives 503. Default: 30,000, as on AWS. */
  timeoutMs?: number;
  /** `rawPath` is decoded, as seen on AWS. Otherwise it keeps its percent-encoding, which is stricter. */
  decodesPath?: boolean;
  onAccess?(line: AccessLine): void;
  /** Called with the origin of a preflight that is not allowed. AWS logs none of it. */
  onRejectedOrigin?(origin: string): void;
  /**
   * Handles a request that matches no route, and returns whether it did. It writes the response itself, without CORS
   * headers and without an access log line. AWS has nothing like it.
   */
  fallback?(request: IncomingMessage, response: ServerResponse): boolean;
};
