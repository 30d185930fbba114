import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import * as apigateway from "aws-cdk-lib/aws-apigatewayv2";
import { HttpIamAuthorizer } from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import * as logs from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { BrokerFunction, type Stores } from "../constructs/broker-function.ts";
import type { DeploymentSettings, Throttle } from "../settings.ts";

/** The HTTPS endpoint: one HTTP API, a function per kind of route, IAM on every route. */
export class ApiStack extends Stack {
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

    const api = new apigateway.HttpApi(this, "Api", {
      apiName: `smart-token-broker-${settings.stage}`,
      description: "Smart Token Broker",
      createDefaultStage: false,
    });
    const integration = new HttpLambdaIntegration("TokenIntegration", token.function);
    const tokenRoute = (name: string, method: apigateway.HttpMethod) =>
      new apigateway.HttpRoute(this, name, {
        httpApi: api,
        routeKey: apigateway.HttpRouteKey.with("/v1/connections/{connection}/token", method),
        integration,
        authorizer: new HttpIamAuthorizer(),
      });
    const routes: [route: apigateway.HttpRoute, throttle: Throttle][] = [
      [tokenRoute("GetToken", apigateway.HttpMethod.GET), settings.throttle.token],
      [tokenRoute("PostToken", apigateway.HttpMethod.POST), settings.throttle.token],
    ];

    const stage = this.#stage(api, settings, routes);
    new CfnOutput(this, "Url", { value: stage.url.replace(/\/$/, "") });
    new CfnOutput(this, "ApiId", { value: api.apiId });
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
