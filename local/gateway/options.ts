import type { IncomingMessage, ServerResponse } from "node:http";
import type { APIGatewayEventRequestContextV2, APIGatewayProxyEventV2 } from "aws-lambda";
import type { Refusal } from "./sigv4.ts";

/** A caller that the gateway knows: a key pair, who it is, and the execute-api ARNs that it may invoke. */
export type Identity = {
  accessKeyId: string;
  secretAccessKey: string;
  userArn: string;
  /** Allow patterns with IAM's wildcards: `*` is any run of characters, `/` included, `?` is exactly one. */
  allow: string[];
};

/** What a function is invoked with: payload format 2.0, with `authorizer.iam` on routes that ask for IAM. */
export type GatewayEvent = APIGatewayProxyEventV2 & {
  requestContext: APIGatewayEventRequestContextV2 & { authorizer?: { iam: IamContext } };
};

/** Who calls. Unlike the published type, the organisation is null: nobody is in one here. */
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
  /** `"GET /v1/things/{thing}"`, `"ANY /files/{proxy+}"` or `"$default"`. */
  routeKey: string;
  authorization: "AWS_IAM" | "NONE";
  /** Resolves to the function's return value; a rejection means that the function failed. */
  invoke(event: GatewayEvent): Promise<unknown>;
  /** `rate`: requests a second in the long run; `burst`: how many may come at once. */
  throttle?: Throttle;
};

export type Throttle = { rate: number; burst: number };

export type Cors = {
  /** Origins as they are sent, `*`, or a scheme with a wildcard (`https://*`). */
  allowOrigins: string[];
  allowMethods: string[];
  allowHeaders: string[];
  exposeHeaders: string[];
  /** How long a browser may remember a preflight, in seconds. */
  maxAge: number;
};

/** One answered request. Holds nothing of its headers, query or body, so no credential can get into it. */
export type AccessLine = {
  requestId: string;
  /** `"-"` where no route was reached. */
  routeKey: string;
  status: number;
  userArn?: string;
  /** Why a 403 was a 403. AWS does not say so much; somebody whose signature fails at home needs it. */
  refused?: Refusal | "not_allowed";
  ip: string;
  /** Bytes of the body. */
  responseLength: number;
  durationMs: number;
};

export type GatewayOptions = {
  /** 0 picks a free one. */
  port: number;
  apiId: string;
  accountId: string;
  region: string;
  stage: "$default";
  routes: Route[];
  cors?: Cors;
  identities: Identity[];
  /** Epoch seconds. */
  clock: { now(): number };
  /** How long a function may take before the answer is 503, in milliseconds; 30,000 as on AWS where absent. */
  timeoutMs?: number;
  onAccess?(line: AccessLine): void;
  /**
   * May take a request that is for no route, and says whether it did; AWS knows no such thing. It answers by itself,
   * without CORS headers and without an access line.
   */
  fallback?(request: IncomingMessage, response: ServerResponse): boolean;
};
