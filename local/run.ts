import { PutSecretValueCommand, CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { environmentVariables } from "@smart-token-broker/auth-core/rules/settings.ts";
import { type DeployedFunction, type Deployment, readDeployment } from "./assembly/deployment.ts";
import { localCallers } from "./callers.ts";
import { startDynamoDb } from "./dynamodb.ts";
import { type LocalFunction, startFunction } from "./lambda/function.ts";
import type { Identity } from "./gateway/options.ts";
import { startGateway } from "./gateway/server.ts";
import type { Options } from "./options.ts";
import { startScheduler } from "./scheduler.ts";
import { startSecretsManager } from "./secrets-manager/server.ts";
import { chaosModes } from "./simulator/chaos.ts";
import { type Simulator, startSimulator } from "./simulator/server.ts";
import { synthesise } from "./synthesise.ts";

const place = { region: "eu-south-1", accountId: "123456789012" };

export interface LocalRun {
  url: string;
  dynamoDbUrl: string;
  secretsManagerUrl: string;
  simulator: Simulator;
  region: string;
  callers: Identity[];
  close: () => Promise<void>;
}

/**
 * Synthesises the stacks and runs what was synthesised, on embedded parts. Resolves when everything answers; if
 * anything fails on the way, what was started is ended.
 */
export async function startLocalRun(options: Options, onLog: (line: string) => void): Promise<LocalRun> {
  const started: (() => unknown)[] = [];
  const close = async () => {
    for (const end of started.toReversed()) await end();
    started.length = 0;
  };
  try {
    const clock = { now: () => Date.now() / 1000 };
    const connections = options.connections;
    // The connections of a file are registered as an operator would do it: the stacks create none.
    const { assembly, remove } = await synthesise(connections ? { connections: [] } : {});
    started.push(remove);
    const deployment = readDeployment(assembly, place);

    const dynamoDb = await startDynamoDb(deployment.tables, place.region);
    started.push(() => dynamoDb.close());
    const secretsManager = await startSecretsManager({ clock, ...place });
    started.push(() => secretsManager.close());
    const simulator = await startSimulator({ clock, mood: options.chaos ? chaosModes[options.chaos] : {} });
    started.push(() => simulator.close());
    await putSecrets(secretsManager.url, deployment, connections, simulator);

    const functions = new Map<string, LocalFunction>();
    for (const deployed of deployment.functions) {
      const environment = functionEnvironment(deployed, dynamoDb.url, secretsManager.url, simulator.url);
      const local = await startFunction({ ...deployed, environment, onLog });
      started.push(local.close);
      functions.set(deployed.arn, local);
    }

    const invoke = async (functionArn: string, event: unknown) => functions.get(functionArn)?.invoke(event);
    const scheduler = startScheduler(deployment.schedules, options.tick, invoke, onLog);
    started.push(() => scheduler.close());

    const callers = localCallers({ ...place, apiId: deployment.api.id });
    const gateway = await startGateway({
      port: options.port,
      apiId: deployment.api.id,
      ...place,
      stage: "$default",
      identities: callers,
      clock,
      routes: deployment.api.routes.map(({ functionArn, ...route }) => ({
        ...route,
        invoke: (event) => invoke(functionArn, event),
      })),
    });
    started.push(() => gateway.close());
    return {
      url: gateway.url,
      dynamoDbUrl: dynamoDb.url,
      secretsManagerUrl: secretsManager.url,
      simulator,
      region: place.region,
      callers,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The variables of the template, those that Lambda adds, and where the embedded parts are. */
function functionEnvironment(
  { name, memoryMegabytes, environment }: DeployedFunction,
  dynamoDbUrl: string,
  secretsManagerUrl: string,
  simulatorUrl: string,
): Record<string, string> {
  return {
    ...environment,
    [environmentVariables.defaultBaseUrl]: simulatorUrl,
    [environmentVariables.allowLoopbackHttp]: "true",
    AWS_REGION: place.region,
    AWS_DEFAULT_REGION: place.region,
    AWS_ACCESS_KEY_ID: "LOCALFUNCTION",
    AWS_SECRET_ACCESS_KEY: "local-function-secret",
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMegabytes),
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDbUrl,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManagerUrl,
    // The developer's own profiles have no say in here.
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    TZ: "UTC",
  };
}

/** The stack's empty secrets, and then the values, put as an operator puts them. */
async function putSecrets(
  endpoint: string,
  { secrets }: Deployment,
  connections: Record<string, object> | undefined,
  simulator: Simulator,
): Promise<void> {
  const credentials = { accessKeyId: "LOCALOPERATOR", secretAccessKey: "local-operator-secret" };
  const client = new SecretsManagerClient({ endpoint, region: place.region, credentials });
  for (const { name, description, kmsKeyId } of secrets) {
    await client.send(new CreateSecretCommand({ Name: name, Description: description, KmsKeyId: kmsKeyId }));
    if (connections) continue;
    const cid = name.split("/").at(-1) ?? name;
    const account = { username: `admin_${cid}`, scope: `${cid}_aly${cid}` };
    const value = { ...account, apiKey: simulator.issueKey(account), apiBaseUrl: simulator.url };
    await client.send(new PutSecretValueCommand({ SecretId: name, SecretString: JSON.stringify(value) }));
  }
  for (const [id, value] of Object.entries(connections ?? {})) {
    const { username, scope, apiKey } = value as Record<string, unknown>;
    if (typeof username === "string" && typeof scope === "string" && typeof apiKey === "string") {
      simulator.admit({ username, scope, apiKey });
    }
    await client.send(
      new CreateSecretCommand({ Name: `smart-token-broker/dev/${id}`, SecretString: JSON.stringify(value) }),
    );
  }
  client.destroy();
}
