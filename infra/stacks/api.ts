import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import * as apigateway from "aws-cdk-lib/aws-apigatewayv2";
import { HttpIamAuthorizer } from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import * as iam from "aws-cdk-lib/aws-iam";
import * as logs from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { asListed, type PrincipalCaller } from "@smart-token-broker/auth-core/rules/callers.ts";
import { acknowledge } from "../constructs/acknowledge.ts";
import { BrokerFunction, type Stores } from "../constructs/broker-function.ts";
import { callerRoleName, type DeploymentSettings, type Throttle } from "../settings.ts";

/** The HTTPS endpoint: one HTTP API, a function per kind of route; IAM on every route whose credential is no body's. */
export class ApiStack extends Stack {
  readonly functions: Record<"token" | "oauth" | "status", BrokerFunction>;
  readonly apiId: string;
  /** Without a slash at its end. */
  readonly url: string;

  constructor(scope: Construct, id: string, settings: DeploymentSettings, stores: Stores, props: StackProps) {
    super(scope, id, props);

    const token = new BrokerFunction(this, "Token", {
      name: "token",
      description: "Smart Token Broker: hands out access tokens that are valid now",
      // The longest request: 8 s of waiting for another's replacement, and a lease of 15 s.
      timeout: Duration.seconds(25),
      stores,
      settings,
    });
    token.allowItems();
    token.allowReadingSecrets();
    token.allowEvents();

    const oauth = new BrokerFunction(this, "OAuth", {
      name: "oauth",
      description: "Smart Token Broker: hands out access tokens on the vendor's wire, and by OAuth's grants",
      files: { "callers.json": JSON.stringify(settings.callers.map(asListed)) },
      // As the token function, and 5 s for an issuer's keys.
      timeout: Duration.seconds(29),
      stores,
      settings,
    });
    oauth.allowItems();
    oauth.allowReadingSecrets();
    oauth.allowEvents();

    const status = new BrokerFunction(this, "Status", {
      name: "status",
      description: "Smart Token Broker: how connections are, and what happens to them next",
      timeout: Duration.seconds(15),
      stores,
      settings,
    });
    status.allowReadingItems();

    const origins = [...new Set(settings.callers.flatMap((caller) => caller.origins))];
    const api = new apigateway.HttpApi(this, "Api", {
      apiName: `smart-token-broker-${settings.stage}`,
      description: "Smart Token Broker",
      createDefaultStage: false,
      // One for the whole API; which origin may use which credential is the function's to say.
      ...(origins.length > 0 && {
        corsPreflight: {
          allowOrigins: origins,
          allowMethods: [apigateway.CorsHttpMethod.GET, apigateway.CorsHttpMethod.POST],
          allowHeaders: ["authorization", "content-type", "accept", "accept-language"],
          exposeHeaders: ["retry-after"],
          maxAge: Duration.hours(1),
        },
      }),
    });
    const iamRoute = (name: string, path: string, method: apigateway.HttpMethod, integration: HttpLambdaIntegration) =>
      new apigateway.HttpRoute(this, name, {
        httpApi: api,
        routeKey: apigateway.HttpRouteKey.with(path, method),
        integration,
        authorizer: new HttpIamAuthorizer(),
      });
    const tokenIntegration = new HttpLambdaIntegration("TokenIntegration", token.function);
    const tokenRoute = (name: string, method: apigateway.HttpMethod) =>
      iamRoute(name, "/v1/connections/{connection}/token", method, tokenIntegration);
    const statusIntegration = new HttpLambdaIntegration("StatusIntegration", status.function);
    const statusRoute = (name: string, path: string) =>
      iamRoute(name, path, apigateway.HttpMethod.GET, statusIntegration);
    const oauthIntegration = new HttpLambdaIntegration("OAuthIntegration", oauth.function);
    const oauthRoute = (name: string, method: apigateway.HttpMethod, path: string) => {
      const route = new apigateway.HttpRoute(this, name, {
        httpApi: api,
        routeKey: apigateway.HttpRouteKey.with(path, method),
        integration: oauthIntegration,
        // The credential is in the body, where no authorizer of the gateway looks.
        authorizer: new apigateway.HttpNoneAuthorizer(),
      });
      acknowledge(route, {
        "AwsSolutions::AwsSolutions-APIG4":
          "The caller's credential is in the body: the function verifies it before any other I/O.",
      });
      return route;
    };
    const routes: [route: apigateway.HttpRoute, throttle: Throttle][] = [
      [tokenRoute("GetToken", apigateway.HttpMethod.GET), settings.throttle.token],
      [tokenRoute("PostToken", apigateway.HttpMethod.POST), settings.throttle.token],
      [statusRoute("ListStatus", "/v1/status"), settings.throttle.status],
      [statusRoute("GetStatus", "/v1/status/{connection}"), settings.throttle.status],
      [oauthRoute("VendorToken", apigateway.HttpMethod.POST, "/api/v1/auth/token"), settings.throttle.oauth],
      [oauthRoute("OAuthToken", apigateway.HttpMethod.POST, "/oauth/token"), settings.throttle.oauth],
      [
        oauthRoute("OAuthMetadata", apigateway.HttpMethod.GET, "/.well-known/oauth-authorization-server"),
        settings.throttle.oauth,
      ],
    ];

    const stage = this.#stage(api, settings, routes);
    for (const caller of settings.callers) {
      if (caller.kind === "principal") this.#callerRole(caller, api, settings);
    }
    this.functions = { token, oauth, status };
    this.apiId = api.apiId;
    this.url = stage.url.replace(/\/$/, "");
    new CfnOutput(this, "Url", { value: this.url });
    new CfnOutput(this, "ApiId", { value: api.apiId });
    // CloudFormation takes no empty output.
    if (origins.length > 0) new CfnOutput(this, "CorsOrigins", { value: origins.join(",") });
  }

  /** The role of a caller in this account or another: HTTP APIs have no resource policy that could name it. */
  #callerRole(
    { name, principal, connections }: PrincipalCaller,
    api: apigateway.HttpApi,
    settings: DeploymentSettings,
  ) {
    const role = new iam.Role(this, `Caller-${name}`, {
      roleName: callerRoleName(settings.stage, name),
      description: `May ask Smart Token Broker for tokens of: ${connections.join(", ")}`.slice(0, 1000),
      assumedBy: /^\d{12}$/.test(principal) ? new iam.AccountPrincipal(principal) : new iam.ArnPrincipal(principal),
    });
    // Exact ARNs, written out: a grant of a route with a parameter would be one of every connection.
    const resources = connections.flatMap((connection) =>
      ["GET", "POST"].map((method) =>
        this.formatArn({
          service: "execute-api",
          resource: api.apiId,
          resourceName: `$default/${method}/v1/connections/${connection}/token`,
        }),
      ),
    );
    // A policy holds 6,144 characters, and a role ten policies: the list of callers bounds what one caller may have.
    for (let at = 0; at < resources.length; at += arnsPerPolicy) {
      const statement = new iam.PolicyStatement({
        actions: ["execute-api:Invoke"],
        resources: resources.slice(at, at + arnsPerPolicy),
      });
      new iam.ManagedPolicy(this, `Caller-${name}-${at / arnsPerPolicy}`, { statements: [statement], roles: [role] });
    }
    new CfnOutput(this, `CallerRole-${name}`, { value: role.roleArn });
  }

  #stage(
    api: apigateway.HttpApi,
    settings: DeploymentSettings,
    routes: [route: apigateway.HttpRoute, throttle: Throttle][],
  ): apigateway.HttpStage {
    const accessLogs = new logs.LogGroup(this, "AccessLogs", {
      // Under this prefix the delivery of logs needs no resource policy of its own; an account has only ten of those.
      logGroupName: `/aws/vendedlogs/smart-token-broker-${settings.stage}/access`,
      retention: settings.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const stage = new apigateway.HttpStage(this, "Stage", {
      httpApi: api,
      stageName: "$default",
      autoDeploy: true,
      accessLogSettings: {
        destination: new apigateway.LogGroupLogDestination(accessLogs),
        format: AccessLogFormat.custom(JSON.stringify(accessLogFields)),
      },
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
    // Settings of a route that does not exist yet would fail the first deployment.
    stage.node.addDependency(...routes.map(([route]) => route));
    return stage;
  }
}

/** As many as fit into one policy, with the longest of ids. */
const arnsPerPolicy = 30;

/** What API Gateway writes of every request, refused ones included: who, what, how it went. Never a header or a body. */
const accessLogFields = {
  requestId: "$context.requestId",
  time: "$context.requestTime",
  ip: "$context.identity.sourceIp",
  caller: "$context.identity.userArn",
  routeKey: "$context.routeKey",
  path: "$context.path",
  status: "$context.status",
  responseLength: "$context.responseLength",
  latencyMs: "$context.responseLatency",
  integrationError: "$context.integrationErrorMessage",
  authorizerError: "$context.authorizer.error",
};
