import { expect, test } from "vitest";
import { keyCaller, type Resource, synthesise } from "./synth.ts";

const throttle = { token: { rate: 123, burst: 456 } };
const { ofType, render } = synthesise({ throttle, callers: [keyCaller] });
const routes = ofType("AWS::ApiGatewayV2::Route");
const [stage] = ofType("AWS::ApiGatewayV2::Stage");
const routeKey = (route: Resource): string => route.Properties.RouteKey;

const portal = {
  name: "portal",
  oidc: { issuer: "https://login.example.com", audience: "portal", connectionsClaim: "smart_services" },
  origins: ["https://portal.example.com"],
};

test.each([
  ["the settings of cdk.json", {}],
  ["web pages and a prober", { callers: [portal], prober: { connection: "webapicorso" } }],
])("Every /v1/ route has an authorizer, and no function has another public address: %s", (_, context) => {
  const { ofType: of, resources } = synthesise(context);
  const ofV1 = of("AWS::ApiGatewayV2::Route").filter((each) => / \/v1\//.test(routeKey(each)));

  expect(ofV1.length).toBeGreaterThanOrEqual(4);
  expect(new Set(ofV1.map(({ Properties }) => Properties.AuthorizationType))).toEqual(new Set(["AWS_IAM"]));
  expect(of("AWS::ApiGatewayV2::Route").map(routeKey)).not.toContain("$default");
  const publicTypes = /^AWS::(Lambda::Url|ApiGateway::|AppSync::|ElasticLoadBalancing)/;
  expect(resources.filter(({ Type }) => publicTypes.test(Type))).toEqual([]);
});

test("The template lists the callers and the hashes of their keys, and nothing else of them", () => {
  const hashes = ["a".repeat(64), "b".repeat(64)];
  const oidc = { issuer: "https://issuer.test", audience: "fake-audience", claims: { sub: "fake-subject" } };
  const callers = [
    { name: "old-php", connections: ["webapicorso"], keySha256: hashes },
    { name: "ci", connections: ["webapicorso"], oidc },
    { name: "orders", connections: ["webapicorso"], principal: "arn:aws:iam::123456789012:role/orders" },
  ];
  const { assembly } = synthesise({ callers });
  const metadata = assembly.stacks.map(({ id, template }) => [id, template.Metadata?.SmartTokenBrokerCallers]);

  expect(Object.fromEntries(metadata)).toEqual({
    Api: { "old-php": { kind: "key", keySha256: hashes }, ci: { kind: "oidc" }, orders: { kind: "principal" } },
  });
});

test("Every route has its own throttle, that of the token route comes from the setting, and every throttle has a route", () => {
  const { RouteSettings } = stage?.Properties ?? {};

  expect(Object.keys(RouteSettings).toSorted()).toEqual(routes.map(routeKey).toSorted());
  for (const { ThrottlingRateLimit, ThrottlingBurstLimit } of Object.values<Record<string, number>>(RouteSettings)) {
    expect(ThrottlingRateLimit).toBeGreaterThan(0);
    expect(ThrottlingBurstLimit).toBeGreaterThan(0);
  }
  expect(RouteSettings["GET /v1/connections/{connection}/token"]).toEqual({
    ThrottlingRateLimit: throttle.token.rate,
    ThrottlingBurstLimit: throttle.token.burst,
  });
});

test("The stage is deployed after every route, or the first deployment would fail", () => {
  expect(stage?.DependsOn).toEqual(expect.arrayContaining(routes.map(({ id }) => id)));
});

/** Without the `:*` of the attribute Arn, which API Gateway does not store: CloudFormation would always report drift. */
const logGroupArn = (group: string) =>
  `arn:\${AWS::Partition}:logs:\${AWS::Region}:\${AWS::AccountId}:log-group:${group}`;

test("The access log goes to a log group for vended logs, with a retention", () => {
  const { DestinationArn } = stage?.Properties.AccessLogSettings ?? {};
  const group = ofType("AWS::Logs::LogGroup").find(({ id }) => logGroupArn(`\${${id}}`) === render(DestinationArn));

  expect(group?.Properties.LogGroupName).toMatch(/^\/aws\/vendedlogs\//);
  expect(group?.Properties.RetentionInDays).toBe(30);
});

test("An access log line is JSON without headers, query and body", () => {
  const format = JSON.parse(stage?.Properties.AccessLogSettings.Format) as Record<string, string>;

  const { stage: name, ...fields } = format;
  expect(name).toBe("dev");
  expect(fields).toMatchObject({ requestId: "$context.requestId", status: "$context.status" });
  for (const value of Object.values(fields)) {
    expect(value).toMatch(/^\$context\.[A-Za-z.]+( \$context\.[A-Za-z.]+)?$/);
    expect(value).not.toMatch(/header|body|query|userAgent|\.authorizer\.(?!error$)|accessKey/i);
  }
});

test("A metric counts the requests that the gateway throttled, and not the 429 of a function", () => {
  const [filter, ...others] = ofType("AWS::Logs::MetricFilter").map(({ Properties }) => Properties);
  const { FilterPattern: pattern, MetricTransformations: metrics, LogGroupName: group } = filter ?? {};
  const format = JSON.parse(stage?.Properties.AccessLogSettings.Format) as Record<string, string>;
  const fields = [...`${pattern} ${JSON.stringify(metrics)}`.matchAll(/\$\.(\w+)/g)].map(([, field]) => field ?? "");

  expect(others).toEqual([]);
  expect(render(stage?.Properties.AccessLogSettings.DestinationArn)).toBe(logGroupArn(render(group)));
  expect(pattern).toBe('{ ($.status = "429") && ($.functionStatus != "429") }');
  expect(metrics).toEqual([expect.objectContaining({ MetricName: "GatewayThrottles", MetricValue: "1" })]);
  expect(fields).toEqual(["status", "functionStatus", "stage"]);
  expect(fields.map((field) => format[field])).toEqual(["$context.status", "$context.integration.status", "dev"]);
});

const callers = [
  keyCaller,
  { name: "orders", connections: ["webapicorso", "acme"], principal: "arn:aws:iam::210987654321:role/orders" },
  { name: "partner", connections: ["acme"], principal: "210987654321" },
  // Its name is that of another caller with the number of its policy.
  { name: "partner-0", connections: ["acme"], principal: "210987654321" },
  portal,
];
const trusting = synthesise({ callers });

test("A caller's role may invoke exactly the token routes of its connections", () => {
  const [orders, partner, numbered, ...others] = trusting
    .ofType("AWS::IAM::Role")
    .filter(({ Properties }) => Properties.Description?.startsWith("Smart Token Broker: gets tokens of "));
  const policyOf = (role: Resource | undefined) =>
    trusting
      .ofType("AWS::IAM::ManagedPolicy")
      .filter(({ Properties }) => JSON.stringify(Properties.Roles).includes(role?.id ?? "nobody"))
      .flatMap(({ Properties }) => Properties.PolicyDocument.Statement);

  expect(others).toEqual([]);
  expect(policyOf(partner)).toHaveLength(1);
  expect(policyOf(numbered)).toHaveLength(1);
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

test("The role of a caller with the maximum of connections stays within IAM's ten policies of 6,144 characters", () => {
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
      // The longest possible partition, region, account and API id.
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

test("Web pages may call from the origins of the list only, and from none without a list", () => {
  const [withOrigins] = trusting.ofType("AWS::ApiGatewayV2::Api");
  const [plain] = ofType("AWS::ApiGatewayV2::Api");

  expect(withOrigins?.Properties.CorsConfiguration.AllowOrigins).toEqual(["https://portal.example.com"]);
  expect(plain?.Properties).not.toHaveProperty("CorsConfiguration");
});
