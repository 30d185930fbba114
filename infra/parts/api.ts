import { Annotations, CfnOutput, Duration, Stack } from "aws-cdk-lib";
import * as apigateway from "aws-cdk-lib/aws-apigatewayv2";
import { HttpIamAuthorizer } from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { callersFile, isServed, type Served } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import { callRequestHeaders, callResponseHeaders } from "@smart-token-broker/auth-core/rules/callers/call-headers.ts";
import { callMethods, scopeWarning } from "@smart-token-broker/auth-core/rules/callers/call-rules.ts";
import { callersMetadata, describeCallers } from "@smart-token-broker/auth-core/rules/callers/deployed-callers.ts";
import { addAccessLog } from "../constructs/access-log.ts";
import { acknowledge } from "../constructs/acknowledge.ts";
import { addDomain } from "../constructs/api-domain.ts";
import { BrokerFunction } from "../constructs/broker-function.ts";
import { addCallerRole } from "../constructs/caller-role.ts";
import { addCanaries } from "../constructs/canaries.ts";
import { grantPutEvents } from "../constructs/put-events.ts";
import type { Stores } from "../constructs/stores.ts";
import type { DeploymentSettings, Throttle } from "../settings/types.ts";

/** `oauth` and `calls` exist only if a caller needs them. */
type ApiFunctions = Record<"token" | "status", BrokerFunction> & { oauth?: BrokerFunction; calls?: BrokerFunction };
type ThrottledRoute = [route: apigateway.HttpRoute, throttle: Throttle];

/** The HTTPS endpoint: one HTTP API, one function per kind of route, IAM on every route whose function reads no credential itself. */
export class Api extends Construct {
  readonly functions: ApiFunctions;
  readonly apiId: string;
  /** Without a slash at its end. */
  readonly url: string;

  constructor(scope: Construct, id: string, settings: DeploymentSettings, stores: Stores) {
    super(scope, id);
    const origins = [...new Set(settings.callers.flatMap((caller) => caller.origins))];

    this.functions = this.#functions(settings, stores);
    const api = this.#api(settings, origins);
    const routes = this.#routes(api, settings.throttle);
    this.#allowBeforeUse();
    const stage = this.#stage(api, routes, settings);
    this.apiId = api.apiId;
    this.url = settings.domain ? addDomain(this, settings.domain, api, stage) : stage.url.replace(/\/$/, "");
    if (settings.deployment === "canary") addCanaries(this, settings.stage, this.functions);
    for (const caller of settings.callers) {
      if (caller.kind === "principal") addCallerRole(this, caller, (connection) => this.#tokenRouteArns(connection));
    }
    for (const text of scopeWarning(settings.callers)) {
      Annotations.of(this).addWarningV2("smart-token-broker:callWithoutScope", text);
    }

    // CloudFormation updates metadata only together with a resource. A change of the list always changes the bundle.
    Stack.of(this).addMetadata(callersMetadata, describeCallers(settings.callers));

    new CfnOutput(this, "Url", { value: this.url, description: "URL of the broker, before /v1" });
    new CfnOutput(this, "ApiId", { value: api.apiId, description: "Id of the HTTP API" });
    // CloudFormation rejects an empty output.
    if (origins.length > 0) {
      new CfnOutput(this, "CorsOrigins", {
        value: origins.join(","),
        description: "Origins whose web pages may call the broker",
      });
    }
  }

  /** Grants `GET …/token` for one connection. */
  grantGetToken(grantee: iam.IGrantable, connection: string): void {
    iam.Grant.addToPrincipal({
      grantee,
      actions: ["execute-api:Invoke"],
      resourceArns: [this.#tokenRouteArn("GET", connection)],
    });
  }

  /** Grants `GET` and `POST …/token` for one connection. A route with a parameter would allow every connection. */
  grantToken(grantee: iam.IGrantable, connection: string): iam.Grant {
    const resourceArns = this.#tokenRouteArns(connection);
    return iam.Grant.addToPrincipal({ grantee, actions: ["execute-api:Invoke"], resourceArns });
  }

  #functions(settings: DeploymentSettings, stores: Stores): ApiFunctions {
    const token = new BrokerFunction(this, "Token", {
      name: "token",
      description: "Smart Token Broker: returns access tokens to callers with AWS credentials",
      // The longest request waits 8 s for another replacement, then holds a lease for 15 s.
      timeout: Duration.seconds(25),
      stores,
      settings,
    });
    // Their routes are open to the internet. An AWS principal does not use them.
    const needs = (served: Served) =>
      settings.callers.some((caller) => caller.kind !== "principal" && isServed(caller, served));
    const oauth = needs("tokens") ? this.#oauth(settings, stores) : undefined;
    const calls = needs("calls") ? this.#calls(settings, stores) : undefined;
    for (const fn of [token, oauth, calls].filter((each) => each !== undefined)) {
      stores.grantItems(fn);
      stores.grantReadSecrets(fn);
      grantPutEvents(fn);
    }
    if (oauth) stores.grantNameIndex(oauth);

    const status = new BrokerFunction(this, "Status", {
      name: "status",
      description: "Smart Token Broker: returns the status of connections",
      timeout: Duration.seconds(15),
      stores,
      settings,
    });
    stores.grantReadItemsWithoutTokens(status);
    return { token, ...(oauth && { oauth }), ...(calls && { calls }), status };
  }

  #oauth(settings: DeploymentSettings, stores: Stores): BrokerFunction {
    return new BrokerFunction(this, "OAuth", {
      name: "oauth",
      description: "Smart Token Broker: returns access tokens to callers of the vendor's API and of OAuth grants",
      files: callersFile(settings.callers, "tokens"),
      // As the token function, and up to 5 s to fetch an issuer's keys.
      timeout: Duration.seconds(29),
      stores,
      settings,
    });
  }

  #calls(settings: DeploymentSettings, stores: Stores): BrokerFunction {
    return new BrokerFunction(this, "Calls", {
      name: "calls",
      description: "Smart Token Broker: calls the business API for callers that get no token",
      files: callersFile(settings.callers, "calls"),
      // A call takes 25 s, with up to 5 s to fetch an issuer's keys. Only a token that a call waits for may take longer.
      timeout: Duration.seconds(29),
      stores,
      settings,
    });
  }

  #api({ stage, domain }: DeploymentSettings, origins: string[]): apigateway.HttpApi {
    const { CorsHttpMethod } = apigateway;
    const { calls } = this.functions;
    return new apigateway.HttpApi(this, "Api", {
      apiName: `smart-token-broker-${stage}`,
      description: "Smart Token Broker",
      createDefaultStage: false,
      // Never absent: an update of API Gateway leaves an absent field as it was (go-to-k/cdkd#1163).
      disableExecuteApiEndpoint: domain?.defaultEndpoint === false,
      // The gateway has one list for the whole API. The function checks which origin may use which credential.
      ...(origins.length > 0 && {
        corsPreflight: {
          allowOrigins: origins,
          allowMethods: calls
            ? callMethods.map((method) => CorsHttpMethod[method])
            : [CorsHttpMethod.GET, CorsHttpMethod.POST],
          allowHeaders: calls
            ? ["authorization", ...callRequestHeaders]
            : ["authorization", "content-type", "accept", "accept-language"],
          exposeHeaders: calls ? [...callResponseHeaders, "location", "link", "broker-response"] : ["retry-after"],
          maxAge: Duration.hours(1),
        },
      }),
    });
  }

  #routes(httpApi: apigateway.HttpApi, throttle: DeploymentSettings["throttle"]): ThrottledRoute[] {
    const { GET, POST } = apigateway.HttpMethod;
    const token = new HttpLambdaIntegration("TokenIntegration", this.functions.token.live);
    const status = new HttpLambdaIntegration("StatusIntegration", this.functions.status.live);
    const route = (
      id: string,
      method: apigateway.HttpMethod,
      path: string,
      integration: HttpLambdaIntegration,
      authorizer: apigateway.IHttpRouteAuthorizer = new HttpIamAuthorizer(),
    ) => {
      const routeKey = apigateway.HttpRouteKey.with(path, method);
      return new apigateway.HttpRoute(this, id, { httpApi, routeKey, integration, authorizer });
    };
    const signed: ThrottledRoute[] = [
      [route("GetToken", GET, "/v1/connections/{connection}/token", token), throttle.token],
      [route("PostToken", POST, "/v1/connections/{connection}/token", token), throttle.token],
      [route("ListStatus", GET, "/v1/status", status), throttle.status],
      [route("GetStatus", GET, "/v1/status/{connection}", status), throttle.status],
    ];
    const open = (
      integration: HttpLambdaIntegration,
      routes: (readonly [id: string, method: apigateway.HttpMethod, path: string])[],
      limit: Throttle,
    ) =>
      routes.map(([id, method, path]): ThrottledRoute => {
        const opened = route(id, method, path, integration, new apigateway.HttpNoneAuthorizer());
        acknowledge(opened, {
          "AwsSolutions::AwsSolutions-APIG4":
            "No authorizer reads the caller's credential: it is in the body, or depends on the list of callers. The function verifies it before any other I/O.",
        });
        return [opened, limit];
      });
    const { oauth, calls } = this.functions;
    const oauthRoutes = oauth
      ? open(
          new HttpLambdaIntegration("OAuthIntegration", oauth.live),
          [
            ["VendorToken", POST, "/api/v1/auth/token"],
            ["OAuthToken", POST, "/oauth/token"],
            ["OAuthMetadata", GET, "/.well-known/oauth-authorization-server"],
          ],
          throttle.oauth,
        )
      : [];
    const callRoutes = calls
      ? open(
          new HttpLambdaIntegration("CallsIntegration", calls.live),
          callMethods.map((method) => [
            `Call${method}`,
            apigateway.HttpMethod[method],
            "/v1/connections/{connection}/api/{path+}",
          ]),
          throttle.calls,
        )
      : [];
    return [...signed, ...oauthRoutes, ...callRoutes];
  }

  /** The gateway may invoke an alias before an integration names it. Otherwise requests would fail during an upgrade. */
  #allowBeforeUse(): void {
    const all = this.node.findAll();
    const permissions = all.filter((each) => each instanceof lambda.CfnPermission);
    for (const each of all) if (each instanceof apigateway.CfnIntegration) each.node.addDependency(...permissions);
  }

  #stage(httpApi: apigateway.HttpApi, routes: ThrottledRoute[], settings: DeploymentSettings): apigateway.HttpStage {
    const stage = new apigateway.HttpStage(this, "Stage", {
      httpApi,
      stageName: "$default",
      autoDeploy: true,
      accessLogSettings: addAccessLog(this, settings, this.functions.calls !== undefined),
      throttle: { rateLimit: settings.throttle.token.rate, burstLimit: settings.throttle.token.burst },
    });
    // The L2 construct has no throttle per route.
    const cfnStage = stage.node.defaultChild as apigateway.CfnStage;
    cfnStage.routeSettings = Object.fromEntries(
      routes.map(([route, { rate, burst }]) => [
        (route.node.defaultChild as apigateway.CfnRoute).routeKey,
        { ThrottlingRateLimit: rate, ThrottlingBurstLimit: burst },
      ]),
    );
    // The first deployment fails if a route's settings come before the route.
    stage.node.addDependency(...routes.map(([route]) => route));
    return stage;
  }

  #tokenRouteArns(connection: string): string[] {
    return ["GET", "POST"].map((method) => this.#tokenRouteArn(method, connection));
  }

  #tokenRouteArn(method: string, connection: string): string {
    return Stack.of(this).formatArn({
      service: "execute-api",
      resource: this.apiId,
      resourceName: `$default/${method}/v1/connections/${connection}/token`,
    });
  }
}
