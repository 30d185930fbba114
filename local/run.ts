import { existsSync } from "node:fs";
import { join } from "node:path";
import { dynamoDbClient } from "@smart-token-broker/auth-core/adapters/dynamodb-sdk.ts";
import { dynamoDbTokenTable } from "@smart-token-broker/auth-core/adapters/dynamodb.ts";
import { systemClock } from "@smart-token-broker/auth-core/rules/clock.ts";
import { originLine } from "@smart-token-broker/auth-core/http/response.ts";
import { makeDue } from "@smart-token-broker/auth-core/use-cases/make-due.ts";
import { dynamoDbStatusTable } from "@smart-token-broker/status/edges/status-table.ts";
import { ConnectionRequests } from "../dashboard/connection-requests.ts";
import { History } from "../dashboard/history.ts";
import { readLogLine } from "../dashboard/log-line.ts";
import { serveDashboard } from "../dashboard/serve.ts";
import { TrafficCounter } from "../dashboard/traffic.ts";
import { type Deployment, readDeployment } from "./assembly/deployment.ts";
import { callerList, type ListFunction } from "./callers/caller-list.ts";
import { localCallers } from "./callers/callers.ts";
import { localSource } from "./dashboard/source.ts";
import { deploymentPage } from "./deployment-page.ts";
import { startDynamoDb } from "./dynamodb.ts";
import { startEventBridge } from "./eventbridge.ts";
import type { GatewayOptions, Identity } from "./gateway/options.ts";
import { startGateway } from "./gateway/server.ts";
import { startIssuer } from "./callers/issuer.ts";
import { functionEnvironment } from "./lambda/environment.ts";
import { type LocalFunction, startFunction } from "./lambda/function.ts";
import { LogRing } from "./log-ring.ts";
import { logsPage } from "./logs-page.ts";
import type { LoopbackServer } from "../console/loopback-server.ts";
import { deployedSetting, operator, operatorCredentials, secretNameOf, switchRotationOn } from "./operator.ts";
import type { Options } from "./options.ts";
import { putSecrets } from "./put-secrets.ts";
import { sampleCallers, sampleConnection } from "./callers/sample-callers.ts";
import { startScheduler } from "./scheduler.ts";
import { startSecretsManager } from "./secrets-manager/server.ts";
import { startSimulatorOf } from "./simulator-port.ts";
import { namedScenarios } from "./simulator/named-scenarios.ts";
import type { Simulator } from "./simulator/simulator.ts";
import { stageConnections, synthesise } from "./synthesise.ts";

/** The start waits until rotation is on for at most this many connections. */
const maxAwaited = 8;

const place = { region: "eu-south-1", accountId: "123456789012" };

export interface LocalRun {
  url: string;
  dynamoDbUrl: string;
  secretsManagerUrl: string;
  eventBridgeUrl: string;
  simulator: Simulator;
  /** URL of the local issuer. The sample list of callers accepts its JWTs. */
  issuerUrl: string;
  region: string;
  callers: Identity[];
  /** Origins whose pages can read the API's responses. */
  origins: string[];
  close: () => Promise<void>;
}

/**
 * Synthesises the stacks and runs them on embedded parts. Resolves when everything answers. If a part fails to start,
 * or `signal` aborts, it stops every part that has started.
 */
export async function startLocalRun(
  options: Options,
  printLog: (line: string) => void,
  signal?: AbortSignal,
): Promise<LocalRun> {
  const ring = new LogRing();
  const history = new History();
  const traffic = new TrafficCounter();
  const requests = new ConnectionRequests();
  const onLog = (line: string) => {
    ring.add(line);
    const read = readLogLine(line);
    if (read) for (const reader of [history, traffic, requests]) reader.add(read);
    printLog(line);
  };
  const started: (() => unknown)[] = [];
  let gateway: LoopbackServer | undefined;
  // Pages that the gateway's port serves in addition to the deployed routes. Empty until the other parts have started.
  let pages: NonNullable<GatewayOptions["fallback"]>[] = [];
  const close = async () => {
    // Close the gateway first, so that open requests end before their function stops.
    await gateway?.close();
    for (const end of started.toReversed()) await end();
    started.length = 0;
  };
  try {
    const clock = { now: () => Date.now() / 1000 };
    const { connections, allowedHosts = [] } = options;
    // The stacks create no secret for the connections of a file: the run registers them as an operator does.
    const ids = connections ? Object.keys(connections) : [...new Set([sampleConnection, ...stageConnections()])];
    const issuer = await startIssuer(ids, { allowedHosts });
    started.push(() => issuer.close());
    const written = options.callers ?? sampleCallers(issuer.url, ids, options.origins);
    const { assembly, remove } = await synthesise({ connections: connections ? [] : ids, callers: written });
    started.push(remove);
    signal?.throwIfAborted();
    const deployment = readDeployment(assembly, place);

    const dynamoDb = await startDynamoDb(deployment.tables, place.region, { allowedHosts });
    started.push(() => dynamoDb.close());
    const functions = new Map<string, LocalFunction>();
    const invoke = async (functionArn: string, event: unknown) => {
      const invoked = functions.get(functionArn);
      if (!invoked) throw new Error(`The deployment has no function ${functionArn}.`);
      return invoked.invoke(event);
    };
    // The first part that listens: if the port is in use, the start fails at once.
    const callers = localCallers({ ...place, apiId: deployment.api.id });
    gateway = await startGateway({
      port: options.port,
      allowedHosts,
      apiId: deployment.api.id,
      ...place,
      stage: "$default",
      identities: callers,
      clock,
      ...(deployment.api.cors && { cors: deployment.api.cors }),
      routes: deployment.api.routes.map(({ functionArn, ...route }) => ({
        ...route,
        invoke: (event) => invoke(functionArn, event),
      })),
      onRejectedOrigin: (origin) => onLog(rejectedOriginLine(origin)),
      fallback: (request, response) => pages.some((page) => page(request, response)),
    });
    const secretsManager = await startSecretsManager({
      allowedHosts,
      clock,
      ...place,
      // A day is 1,440 minutes, and a minute lasts a tick.
      daySeconds: 1440 * options.tick,
      invokeRotation: (functionArn, event) =>
        invoke(functionArn, event).catch((error: unknown) => {
          onLog(`${event.Step} failed: ${String(error)}`);
          throw error;
        }),
    });
    started.push(() => secretsManager.close());
    const eventBridge = await startEventBridge((event) => onLog(JSON.stringify({ event })), { allowedHosts });
    started.push(() => eventBridge.close());
    const profile = options.profile ?? {};
    const scenario = { ...profile, ...(options.scenario && namedScenarios[options.scenario]) };
    const simulator = await startSimulatorOf(options, { allowedHosts, clock, scenario }, onLog);
    started.push(() => simulator.close());
    const secrets = operator(secretsManager.url, place.region);
    started.push(() => secrets.destroy());
    await putSecrets(secrets, deployment, connections, simulator);
    // Again: the mode `refused` rejects what was issued before it.
    simulator.setScenario(scenario);

    const endpoints = {
      AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
      AWS_ENDPOINT_URL_EVENTBRIDGE: eventBridge.url,
    };
    signal?.throwIfAborted();
    await Promise.all(
      deployment.functions.map(async (deployed) => {
        const environment = functionEnvironment(deployed, place.region, endpoints, simulator.url);
        const local = await startFunction({ ...deployed, environment, onLog });
        started.push(local.close);
        for (const arn of deployed.arns) functions.set(arn, local);
      }),
    );
    const scheduler = startScheduler(deployment.schedules, options.tick, invoke, onLog);
    started.push(() => scheduler.close());
    const rotations = setInterval(() => secretsManager.rotateDue(), options.tick * 1000);
    started.push(() => clearInterval(rotations));

    const describe = deploymentPage(deployment, place, {
      dynamodb: dynamoDb.url,
      secretsmanager: secretsManager.url,
      simulator: simulator.url,
    });
    const dynamoDbOfOperator = dynamoDbClient({
      endpoint: dynamoDb.url,
      region: place.region,
      credentials: operatorCredentials,
    });
    const tableName = deployedSetting(deployment, "tableName") ?? "";
    const due = { table: dynamoDbTokenTable(tableName, dynamoDbOfOperator), clock: systemClock() };
    const isSample = options.callers === undefined;
    const list = callerList({ written, isSample }, listFunctionsOf(deployment, functions));
    const page = serveDashboard(
      localSource({
        clock,
        gateway: () => gateway?.url ?? "",
        callers,
        listed: list.callers,
        region: place.region,
        simulator,
        profile,
        table: dynamoDbStatusTable(tableName, dynamoDbOfOperator),
        history,
        traffic,
        requests,
        secrets,
        secretName: (connection) => secretNameOf(deployment, connection),
        makeDue: (connection) => makeDue(due, connection),
        sweep: () => Promise.all(deployment.schedules.map(({ functionArn, input }) => invoke(functionArn, input))),
      }),
    );
    pages = [describe, logsPage(ring), list.page, page];

    signal?.throwIfAborted();
    await switchRotationOn(secrets, deployment, connections);
    // Turning rotation on runs the function once. Until that has ended, Secrets Manager rejects a rotation.
    if (ids.length <= maxAwaited) await secretsManager.rotationsSettled();
    return {
      url: gateway.url,
      dynamoDbUrl: dynamoDb.url,
      secretsManagerUrl: secretsManager.url,
      eventBridgeUrl: eventBridge.url,
      simulator,
      issuerUrl: issuer.url,
      region: place.region,
      callers,
      origins: deployment.api.cors?.allowOrigins ?? [],
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A line as those of the functions, because the browser sends them no request after such a preflight. */
function rejectedOriginLine(sent: string): string {
  const { origin } = originLine(sent);
  const detail = "No entry in the list of callers has this origin, so the page gets only 'Failed to fetch'.";
  const line = { level: "WARN", message: "origin_rejected", timestamp: new Date(), reason: origin, detail };
  return JSON.stringify(line);
}

/** The functions whose bundles have a part of the list of callers. */
function listFunctionsOf({ functions, api }: Deployment, started: ReadonlyMap<string, LocalFunction>): ListFunction[] {
  return functions.flatMap(({ arns, folder }) => {
    const running = started.get(arns[0] ?? "");
    if (!running || !existsSync(join(folder, "callers.json"))) return [];
    const makesCalls = api.routes.some(
      ({ functionArn, routeKey }) => arns.includes(functionArn) && routeKey.endsWith("/api/{path+}"),
    );
    return [{ folder, served: makesCalls ? "calls" : "tokens", running }];
  });
}
