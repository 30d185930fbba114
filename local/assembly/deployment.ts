import type { CreateTableCommandInput } from "@aws-sdk/client-dynamodb";
import type { CloudAssembly } from "./cloud-assembly.ts";
import type { Cors } from "../gateway/options.ts";
import { createResolver, type Place } from "./resolve.ts";

/** The parts of a cloud assembly that run locally, with every value resolved. */
export interface Deployment {
  tables: CreateTableCommandInput[];
  secrets: DeployedSecret[];
  functions: DeployedFunction[];
  schedules: DeployedSchedule[];
  keyRotation: { functionArn: string; secretIds: string[] };
  api: { id: string; routes: DeployedRoute[]; cors?: Cors };
}

interface DeployedSecret {
  name: string;
  tags: { Key: string; Value: string }[];
}

export interface DeployedFunction {
  /** Its own and those of its aliases. */
  arns: string[];
  name: string;
  /** Absolute path of the bundle. */
  folder: string;
  handler: string;
  timeoutSeconds: number;
  memoryMegabytes: number;
  environment: Record<string, string>;
}

export interface DeployedSchedule {
  description: string;
  everyMinutes: number;
  functionArn: string;
  input: unknown;
}

interface DeployedRoute {
  routeKey: string;
  authorization: "AWS_IAM" | "NONE";
  functionArn: string;
  throttle: { rate: number; burst: number };
}

/** Reads the parts to run from a cloud assembly. Throws an Error for a resource that it does not support. */
export function readDeployment(assembly: CloudAssembly, place: Place): Deployment {
  const resolve = createResolver(assembly, place);
  const ofType = <Properties>(type: string) =>
    assembly.resources
      .filter((resource) => resource.type === type)
      .map((resource) => ({
        arn: (attribute: string) =>
          resolve({ "Fn::GetAtt": [resource.logicalId, attribute] }, resource.stack) as string,
        stack: resource.stack,
        ref: () => resolve({ Ref: resource.logicalId }, resource.stack) as string,
        properties: resolve(resource.properties, resource.stack) as Properties,
      }));

  const aliases = ofType<{ FunctionName: string }>("AWS::Lambda::Alias");
  return {
    tables: ofType<TableProperties>("AWS::DynamoDB::Table").map(({ ref, properties }) => tableInput(ref(), properties)),
    secrets: ofType<{ Name: string }>("AWS::SecretsManager::Secret").map(({ properties, stack }) => ({
      name: properties.Name,
      // CloudFormation adds this tag.
      tags: [{ Key: "aws:cloudformation:stack-name", Value: stack }],
    })),
    functions: ofType<FunctionProperties>("AWS::Lambda::Function").map(({ arn, ref, properties }) => {
      const folder = assembly.assets.get(properties.Code.S3Key);
      if (!folder)
        throw new Error(`The local run cannot find the asset ${properties.Code.S3Key} for the function ${ref()}.`);
      return {
        arns: [
          arn("Arn"),
          ...aliases.filter(({ properties: of }) => of.FunctionName === ref()).map((alias) => alias.ref()),
        ],
        name: ref(),
        folder,
        handler: properties.Handler,
        timeoutSeconds: properties.Timeout,
        memoryMegabytes: properties.MemorySize,
        environment: properties.Environment.Variables,
      };
    }),
    schedules: ofType<ScheduleProperties>("AWS::Scheduler::Schedule").map(({ properties }) => ({
      description: properties.Description,
      everyMinutes: readRate(properties.ScheduleExpression),
      functionArn: properties.Target.Arn,
      input: JSON.parse(properties.Target.Input) as unknown,
    })),
    keyRotation: readKeyRotation(ofType),
    api: readApi(ofType),
  };
}

type OfType = <Properties>(type: string) => { ref: () => string; properties: Properties }[];

function readApi(ofType: OfType): Deployment["api"] {
  const [api, ...others] = ofType<{ CorsConfiguration?: CorsProperties }>("AWS::ApiGatewayV2::Api");
  const [stage] = ofType<StageProperties>("AWS::ApiGatewayV2::Stage");
  if (!api || !stage || others.length > 0) throw new Error("The local run serves exactly one HTTP API with a stage.");
  const integrations = new Map(
    ofType<{ IntegrationUri: string }>("AWS::ApiGatewayV2::Integration").map(({ ref, properties }) => [
      `integrations/${ref()}`,
      properties.IntegrationUri,
    ]),
  );
  const routes = ofType<RouteProperties>("AWS::ApiGatewayV2::Route").map(({ properties }) => {
    const { RouteKey: routeKey, AuthorizationType: authorization = "NONE", Target: target } = properties;
    const functionArn = integrations.get(target);
    if (!functionArn) throw new Error(`The local run cannot find the integration of the route ${routeKey}.`);
    if (authorization !== "AWS_IAM" && authorization !== "NONE") {
      throw new Error(`The local run does not support the authorization ${authorization} of the route ${routeKey}.`);
    }
    const settings = stage.properties.RouteSettings?.[routeKey] ?? stage.properties.DefaultRouteSettings;
    return {
      routeKey,
      authorization,
      functionArn,
      throttle: { rate: settings.ThrottlingRateLimit, burst: settings.ThrottlingBurstLimit },
    } satisfies DeployedRoute;
  });
  const { CorsConfiguration: cors } = api.properties;
  return { id: api.ref(), routes, ...(cors && { cors: readCors(cors) }) };
}

function readCors({ AllowOrigins, AllowMethods, AllowHeaders, ExposeHeaders, MaxAge }: CorsProperties): Cors {
  return {
    allowOrigins: AllowOrigins,
    allowMethods: AllowMethods,
    allowHeaders: AllowHeaders,
    exposeHeaders: ExposeHeaders,
    maxAge: MaxAge,
  };
}

/** The function that Secrets Manager may invoke, and the secrets that the stack rotates. */
function readKeyRotation(ofType: OfType): Deployment["keyRotation"] {
  const permissions = ofType<{ Principal: string; FunctionName: string }>("AWS::Lambda::Permission");
  const permission = permissions.find(({ properties }) => properties.Principal === "secretsmanager.amazonaws.com");
  if (!permission) throw new Error("The local run cannot find the function that Secrets Manager may invoke.");
  const schedules = ofType<{ SecretId: string }>("AWS::SecretsManager::RotationSchedule");
  return {
    functionArn: permission.properties.FunctionName,
    secretIds: schedules.map(({ properties }) => properties.SecretId),
  };
}

/** `rate(1 minute)` and `rate(5 minutes)`: the only schedule expressions that the project's templates use. */
function readRate(expression: string): number {
  const minutes = /^rate\((\d+) minutes?\)$/.exec(expression)?.[1];
  if (!minutes) throw new Error(`The local run does not support the schedule expression ${expression}.`);
  return Number(minutes);
}

function tableInput(name: string, properties: TableProperties): CreateTableCommandInput {
  const { KeySchema, AttributeDefinitions, GlobalSecondaryIndexes, BillingMode } = properties;
  return { TableName: name, KeySchema, AttributeDefinitions, GlobalSecondaryIndexes, BillingMode };
}

type TableProperties = Pick<
  CreateTableCommandInput,
  "KeySchema" | "AttributeDefinitions" | "GlobalSecondaryIndexes" | "BillingMode"
>;

interface FunctionProperties {
  Code: { S3Key: string };
  Handler: string;
  /** Seconds. */
  Timeout: number;
  MemorySize: number;
  Environment: { Variables: Record<string, string> };
}

interface ScheduleProperties {
  Description: string;
  ScheduleExpression: string;
  Target: { Arn: string; Input: string };
}

interface CorsProperties {
  AllowOrigins: string[];
  AllowMethods: string[];
  AllowHeaders: string[];
  ExposeHeaders: string[];
  /** Seconds. */
  MaxAge: number;
}

interface RouteProperties {
  RouteKey: string;
  AuthorizationType?: string;
  Target: string;
}

interface RouteSettings {
  ThrottlingRateLimit: number;
  ThrottlingBurstLimit: number;
}

interface StageProperties {
  DefaultRouteSettings: RouteSettings;
  RouteSettings?: Record<string, RouteSettings>;
}
