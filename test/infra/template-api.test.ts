import { expect, test } from "vitest";
import { type Resource, synthesise } from "./synth.ts";

const throttle = { token: { rate: 123, burst: 456 } };
const { ofType, render } = synthesise({ throttle });
const routes = ofType("AWS::ApiGatewayV2::Route");
const [stage] = ofType("AWS::ApiGatewayV2::Stage");
const tokenRoute = "GET /v1/connections/{connection}/token";
const routeKey = (route: Resource): string => route.Properties.RouteKey;

test("the route of a token is there, behind one HTTP API with one stage", () => {
  expect(routes.map(routeKey)).toContain(tokenRoute);
  expect(ofType("AWS::ApiGatewayV2::Api").map(({ Properties }) => Properties.ProtocolType)).toEqual(["HTTP"]);
  expect(ofType("AWS::ApiGatewayV2::Stage").map(({ Properties }) => Properties.StageName)).toEqual(["$default"]);
});

/** Whoever asks here is in the body, where no authorizer of the gateway looks; or nobody in particular asks. */
const open = ["GET /.well-known/oauth-authorization-server", "POST /api/v1/auth/token", "POST /oauth/token"];

test.each(routes.filter((route) => !open.includes(routeKey(route))))(
  "IAM decides who may ask $Properties.RouteKey",
  (route) => {
    expect(route.Properties.AuthorizationType).toBe("AWS_IAM");
  },
);

test("the gateway lets everybody through to these routes, and to no other", () => {
  const without = routes.filter(({ Properties }) => Properties.AuthorizationType !== "AWS_IAM");

  expect(without.map(routeKey).toSorted()).toEqual(open);
  expect(without.map(({ Properties }) => Properties.AuthorizationType)).toEqual(["NONE", "NONE", "NONE"]);
});

test("every route has a throttle of its own, and no throttle is without a route", () => {
  const { RouteSettings } = stage?.Properties ?? {};

  expect(Object.keys(RouteSettings).toSorted()).toEqual(routes.map(routeKey).toSorted());
  for (const { ThrottlingRateLimit, ThrottlingBurstLimit } of Object.values<Record<string, number>>(RouteSettings)) {
    expect(ThrottlingRateLimit).toBeGreaterThan(0);
    expect(ThrottlingBurstLimit).toBeGreaterThan(0);
  }
});

test("the throttle of the token route is the setting's", () => {
  expect(stage?.Properties.RouteSettings[tokenRoute]).toEqual({
    ThrottlingRateLimit: throttle.token.rate,
    ThrottlingBurstLimit: throttle.token.burst,
  });
});

test("the stage waits for every route, or a first deployment would fail", () => {
  expect(stage?.DependsOn).toEqual(expect.arrayContaining(routes.map(({ id }) => id)));
});

test("every route reaches its function, which the gateway may invoke for that route only", () => {
  const integrations = new Map(ofType("AWS::ApiGatewayV2::Integration").map((each) => [each.id, each.Properties]));
  const permissions = ofType("AWS::Lambda::Permission").map(({ Properties }) => ({
    by: Properties.Principal,
    of: render(Properties.FunctionName),
    from: render(Properties.SourceArn),
  }));

  for (const route of routes) {
    const target = render(route.Properties.Target).replace(/^integrations\/\$\{(.*)\}$/, "$1");
    const { PayloadFormatVersion, IntegrationUri } = integrations.get(target);
    expect(PayloadFormatVersion).toBe("2.0");
    const path = routeKey(route).split(" ")[1] ?? "";
    const mine = permissions.filter(({ of, from }) => of === render(IntegrationUri) && from.endsWith(`/*/*${path}`));
    expect(mine.map(({ by }) => by)).toContain("apigateway.amazonaws.com");
  }
});

test("the access log goes to a group of vended logs that ends by itself", () => {
  const { DestinationArn } = stage?.Properties.AccessLogSettings ?? {};
  const group = ofType("AWS::Logs::LogGroup").find(({ id }) => `\${${id}.Arn}` === render(DestinationArn));

  expect(group?.Properties.LogGroupName).toMatch(/^\/aws\/vendedlogs\//);
  expect(group?.Properties.RetentionInDays).toBe(30);
});

test("a line of the access log is JSON, and holds no header, no query and no body", () => {
  const format = JSON.parse(stage?.Properties.AccessLogSettings.Format) as Record<string, string>;

  expect(format).toMatchObject({ requestId: "$context.requestId", status: "$context.status" });
  for (const value of Object.values(format)) {
    expect(value).toMatch(/^\$context\.[A-Za-z.]+$/);
    expect(value).not.toMatch(/header|body|query|userAgent|\.authorizer\.(?!error$)|accessKey/i);
  }
});

const key = "0".repeat(64);
const callers = [
  { name: "orders", connections: ["webapicorso", "acme"], principal: "arn:aws:iam::210987654321:role/orders" },
  { name: "partner", connections: ["acme"], principal: "210987654321" },
  { name: "php", connections: ["acme"], keySha256: [key] },
  {
    name: "portal",
    oidc: { issuer: "https://login.example.com", audience: "portal", connectionsClaim: "smart_services" },
    origins: ["https://portal.example.com"],
  },
];
const trusting = synthesise({ callers });

test("a caller's role may invoke its connections' token routes, by exact ARNs, and nothing else", () => {
  const [orders, partner, ...others] = trusting
    .ofType("AWS::IAM::Role")
    .filter(({ Properties }) => String(Properties.RoleName ?? "").startsWith("smart-token-broker-dev-"));
  const policyOf = (role: Resource | undefined) =>
    trusting
      .ofType("AWS::IAM::ManagedPolicy")
      .filter(({ Properties }) => JSON.stringify(Properties.Roles).includes(role?.id ?? "nobody"))
      .flatMap(({ Properties }) => Properties.PolicyDocument.Statement);

  expect(others).toEqual([]);
  expect(policyOf(partner)).toHaveLength(1);
  const [statement, ...more] = policyOf(orders);
  expect(more).toEqual([]);
  expect(statement).toMatchObject({ Action: "execute-api:Invoke", Effect: "Allow" });
  expect((statement.Resource as unknown[]).map((arn) => trusting.render(arn).replace(/^.*\}\/\$default/, ""))).toEqual([
    "/GET/v1/connections/acme/token",
    "/GET/v1/connections/webapicorso/token",
    "/POST/v1/connections/acme/token",
    "/POST/v1/connections/webapicorso/token",
  ]);
  const assumer = (role: Resource | undefined) =>
    role?.Properties.AssumeRolePolicyDocument.Statement.map((each: { Principal: { AWS: unknown } }) =>
      trusting.render(each.Principal.AWS),
    );
  expect(assumer(orders)).toEqual(["arn:aws:iam::210987654321:role/orders"]);
  expect(assumer(partner)).toEqual(["arn:${AWS::Partition}:iam::210987654321:root"]);
});

test("a caller of as many connections as the list takes gets policies that IAM takes: ten, of 6,144 characters each", () => {
  const connections = Array.from({ length: 150 }, (_, index) => `${"a".repeat(60)}${100 + index}`);
  const many = [{ name: "many", connections, principal: "210987654321" }];
  const { ofType: ofMany, render: renderMany } = synthesise({ callers: many });
  const policies = ofMany("AWS::IAM::ManagedPolicy").map(({ Properties }) => Properties.PolicyDocument.Statement);
  const arns = policies.map(([{ Resource: resources }]) => [resources].flat().map(renderMany));

  expect(policies.length).toBeLessThanOrEqual(10);
  expect(new Set(arns.flat()).size).toBe(300);
  for (const [statement] of policies) {
    const Resource = [statement.Resource]
      .flat()
      // As long as it gets: the longest partition and region, an account, and the id of an API.
      .map((arn) =>
        renderMany(arn)
          .replace("${AWS::Partition}", "aws-us-gov")
          .replace("${AWS::Region}", "ap-southeast-1")
          .replace("${AWS::AccountId}", "0".repeat(12))
          .replace(/\$\{\w+\}/, "a".repeat(10)),
      );
    const text = JSON.stringify({ Version: "2012-10-17", Statement: [{ ...statement, Resource }] });
    expect(text.length).toBeLessThanOrEqual(6144);
  }
});

test("web pages may call from the origins of the list only, and from nowhere without any", () => {
  const [withOrigins] = trusting.ofType("AWS::ApiGatewayV2::Api");
  const [plain] = ofType("AWS::ApiGatewayV2::Api");

  expect(withOrigins?.Properties.CorsConfiguration.AllowOrigins).toEqual(["https://portal.example.com"]);
  expect(plain?.Properties).not.toHaveProperty("CorsConfiguration");
});
