import { importsOf, type Source } from "./imports.ts";

/** One direction of dependencies: which files it binds, what they may import, and imports that it must catch. */
export interface Layer {
  name: string;
  binds: (file: string) => boolean;
  allows: (target: string, file: string) => boolean;
  planted: Source[];
}

const core = "functions/auth-core/";
const below = (folder: string) => (path: string) => path.startsWith(folder);
const inRepository =
  /^(\.\.|functions|infra|local|cli|console|dashboard|bench|fixtures|packages|test|tools|node_modules)\//;
const isPackage = (target: string) => target !== "computed" && !inRepository.test(target);
/** Packages without I/O: types, and what rules may use. */
const isPurePackage = (target: string) => /^(valibot|aws-lambda|node:(crypto|util|buffer|url))$/.test(target);
const files = (...paths: string[]) => new Set(paths.map((path) => `functions/${path}.ts`));

/** Files of a function, in its folder: rules, use cases, and edges with I/O (HTTP, an SDK or a library). */
const inFunction = (kind: "rules" | "use-cases" | "edges") => (file: string) =>
  !file.startsWith(core) && new RegExp(`^functions/[^/]+/${kind}/`).test(file);
const isFunctionRule = inFunction("rules");
const isFunctionUseCase = inFunction("use-cases");

/** Modules of the core that the stacks import. */
const forInfra = files(
  ...[
    "metrics",
    "adapters/item-codec",
    ...[
      "call-failures",
      "callers/call-headers",
      "callers/call-rules",
      "callers/callers",
      "callers/deployed-callers",
      "callers/principal-caller",
      "connection-id",
      "did-you-mean",
      "failure-catalogue",
      "https-url",
      "keys/key-action",
      "tokens/partition",
      "settings",
      "unknown-name",
    ].map((rule) => `rules/${rule}`),
  ].map((module) => `auth-core/${module}`),
);

/** Modules of the stacks that the construct's package has too. */
const forPackage = new Set([
  `${core}rules/one-stack.ts`,
  "infra/logical-id.ts",
  ...["callers", "domain", "error", "read", "schemas", "types"].map((module) => `infra/settings/${module}.ts`),
  ...["api", "monitoring", "rotation", "state"].map((part) => `infra/parts/${part}.ts`),
]);

/** What each credential of the client imports, all of it late except `sha256.ts`, which is itself imported late. */
const clientImports: Record<string, string[]> = {
  "aws-identity.ts": ["@aws-sdk/client-sts"],
  "iam.ts": ["@smithy/signature-v4", "@aws-sdk/credential-provider-node"],
  "kubernetes.ts": ["node:fs/promises"],
  "sha256.ts": ["node:crypto"],
};

/** The entries of the client's package beside `index.ts`. */
const clientEntries = new Set(
  ["iam", "aws-identity", "github-actions", "kubernetes", "testing", "proxy"].map(
    (name) => `packages/client/src/${name}.ts`,
  ),
);
const isProxy = (path: string) => /^packages\/client\/src\/proxy[./]/.test(path);

const functionOf = (path: string) => /^functions\/([^/]+)\//.exec(path)?.[1];

/** Dependencies point one way: rules ← use cases ← adapters ← handlers ← stacks, and nothing points outside. */
export const layers: Layer[] = [
  {
    name: "what the command line, the page and the local run share imports none of them",
    binds: below("console/"),
    allows: (target) =>
      target.startsWith("console/") || target.startsWith("functions/status/rules/") || isPackage(target),
    planted: [{ file: "console/a.ts", text: 'import { startGateway } from "../local/gateway/server.ts";' }],
  },
  {
    name: "the page imports the functions' rules and what the command line shares",
    binds: below("dashboard/"),
    allows: (target) => /^(dashboard|console|functions)\//.test(target) || isPackage(target),
    planted: [{ file: "dashboard/view.ts", text: 'import { fixOf } from "../cli/status/status.ts";' }],
  },
  {
    name: "rules of the core import only rules, valibot, and node modules without I/O",
    binds: below(`${core}rules/`),
    // `BlockList` of node:net compares addresses, without I/O.
    allows: (target, file) =>
      target.startsWith(`${core}rules/`) ||
      isPurePackage(target) ||
      (target === "node:net" && file === `${core}rules/callers/private-host.ts`),
    planted: [
      { file: `${core}rules/a.ts`, text: 'import { Agent } from "undici";' },
      { file: `${core}rules/a.ts`, text: 'import { connect } from "node:net";' },
      { file: `${core}rules/a.ts`, text: 'import type { Ports } from "../use-cases/ports.ts";' },
      { file: `${core}rules/a.ts`, text: "const name = process.argv[2]; await import(name);" },
    ],
  },
  {
    name: "use cases of the core import only rules and use cases",
    binds: below(`${core}use-cases/`),
    allows: (target) => target.startsWith(`${core}rules/`) || target.startsWith(`${core}use-cases/`),
    planted: [{ file: `${core}use-cases/a.ts`, text: 'import { GetItemCommand } from "@aws-sdk/client-dynamodb";' }],
  },
  {
    name: "adapters import rules, use cases, adapters and packages",
    binds: below(`${core}adapters/`),
    allows: (target) =>
      isPackage(target) ||
      [`${core}adapters/`, `${core}rules/`, `${core}use-cases/`].some((at) => target.startsWith(at)),
    planted: [
      { file: `${core}adapters/a.ts`, text: 'import type { Reply } from "../http/response.ts";' },
      { file: `${core}adapters/a.ts`, text: 'import { deployedPorts } from "../deployed-ports.ts";' },
    ],
  },
  {
    name: "HTTP of the core imports no adapter",
    binds: below(`${core}http/`),
    allows: (target) =>
      isPackage(target) ||
      [`${core}http/`, `${core}rules/`, `${core}use-cases/`, `${core}telemetry.ts`].some((at) => target.startsWith(at)),
    planted: [{ file: `${core}http/a.ts`, text: 'import { readBody } from "../adapters/read-body.ts";' }],
  },
  {
    name: "rules in a function's folder import only rules",
    binds: isFunctionRule,
    allows: (target) => target.startsWith(`${core}rules/`) || isFunctionRule(target) || isPurePackage(target),
    planted: [
      { file: "functions/token-rotation/rules/shard.ts", text: 'import { request } from "undici";' },
      {
        file: "functions/oauth/rules/grant-request.ts",
        text: 'import type { Ports } from "@smart-token-broker/auth-core/use-cases/ports.ts";',
      },
      {
        file: "functions/status/rules/connection-status.ts",
        text: 'import { dynamoDbStatusTable } from "../edges/status-table.ts";',
      },
    ],
  },
  {
    name: "use cases in a function's folder import only rules and use cases",
    binds: isFunctionUseCase,
    allows: (target) =>
      target.startsWith(`${core}rules/`) ||
      target.startsWith(`${core}use-cases/`) ||
      isFunctionRule(target) ||
      isFunctionUseCase(target),
    planted: [
      {
        file: "functions/token-rotation/use-cases/sweep.ts",
        text: 'import { GetItemCommand } from "@aws-sdk/client-dynamodb";',
      },
      {
        file: "functions/oauth/use-cases/find-connection.ts",
        text: 'import { nameIndex } from "../edges/name-index.ts";',
      },
      {
        file: "functions/oauth/use-cases/authenticate.ts",
        text: 'import { oidcVerifier } from "@smart-token-broker/auth-core/adapters/jwt-verifier.ts";',
      },
    ],
  },
  {
    name: "functions import the core and themselves, never each other, and nothing that is not deployed with them",
    binds: below("functions/"),
    allows: (target, file) =>
      // Texts for people would delay each cold start.
      target !== `${core}failure-texts.ts` &&
      (isPackage(target) || target.startsWith(core) || functionOf(target) === functionOf(file)),
    planted: [
      { file: `${core}http/a.ts`, text: 'import { failureTexts } from "../failure-texts.ts";' },
      { file: "functions/status/handler.ts", text: 'import { handler } from "../token/handler.ts";' },
      { file: `${core}http/a.ts`, text: 'import { handler } from "../../token/handler.ts";' },
      { file: "functions/token/handler.ts", text: "await import(process.env.NAME);" },
      { file: "functions/token/handler.ts", text: 'import { brokerApp } from "../../infra/app.ts";' },
      { file: "functions/token/handler.ts", text: 'import { startGateway } from "../../local/gateway/server.ts";' },
      { file: `${core}deployed-ports.ts`, text: 'import "../../cli/main.ts";' },
      { file: `${core}deployed-ports.ts`, text: 'export { steppedClock } from "../../test/support/clock.ts";' },
    ],
  },
  {
    name: "the stacks import only the modules of the core that are listed here, and nothing local",
    binds: below("infra/"),
    allows: (target) => target.startsWith("infra/") || forInfra.has(target) || isPackage(target),
    planted: [
      { file: "infra/parts/a.ts", text: 'import "@smart-token-broker/auth-core/rules/secret.ts";' },
      { file: "infra/app.ts", text: 'import { handler } from "../functions/token/handler.ts";' },
      { file: "infra/app.ts", text: 'const { startLocalRun } = await import("../local/run.ts");' },
      { file: "infra/app.ts", text: 'import { x } from "../cli/main.ts";' },
      { file: "infra/app.ts", text: 'import { x } from "../test/support/aws.ts";' },
    ],
  },
  {
    name: "the construct's package imports the parts of the stacks, what they import of the core, the CDK and Node",
    binds: below("packages/cdk/src/"),
    allows: (target, file) =>
      target.startsWith("packages/cdk/src/") ||
      forPackage.has(target) ||
      forInfra.has(target) ||
      /^(aws-cdk-lib(\/|$)|constructs$|node:)/.test(target) ||
      // Its type alone.
      (target === "infra/bundle.ts" && file === "packages/cdk/src/prebuilt-bundle.ts"),
    planted: [
      { file: "packages/cdk/src/index.ts", text: 'import { brokerApp } from "../../../infra/app.ts";' },
      { file: "packages/cdk/src/index.ts", text: 'import { bundleFunction } from "../../../infra/bundle.ts";' },
      { file: "packages/cdk/src/index.ts", text: 'import "@smart-token-broker/auth-core/rules/secret.ts";' },
    ],
  },
  {
    name: "the client's package imports itself alone, and its credentials what they need",
    binds: (file) => file.startsWith("packages/client/src/") && !isProxy(file),
    allows: (target, file) =>
      (target.startsWith("packages/client/src/") && !isProxy(target)) ||
      (clientImports[file.slice("packages/client/src/".length)] ?? []).includes(target),
    planted: [
      { file: "packages/client/src/index.ts", text: 'import { createHash } from "node:crypto";' },
      { file: "packages/client/src/client.ts", text: 'import "@smart-token-broker/auth-core/rules/secret.ts";' },
      { file: "packages/client/src/index.ts", text: 'import { proxyOf } from "./proxy/server.ts";' },
      { file: "packages/client/src/iam.ts", text: 'import { STS } from "@aws-sdk/client-sts";' },
    ],
  },
  {
    name: "the proxy imports the client, the rules of calls, valibot and Node",
    binds: isProxy,
    allows: (target) =>
      target.startsWith("packages/client/src/") ||
      target.startsWith(`${core}rules/`) ||
      isFunctionRule(target) ||
      /^(valibot|node:[a-z0-9/]+)$/.test(target),
    planted: [
      { file: "packages/client/src/proxy/call.ts", text: 'import { request } from "undici";' },
      {
        file: "packages/client/src/proxy/call.ts",
        text: 'import { CallsEndpoint } from "@smart-token-broker/calls/edges/endpoint.ts";',
      },
    ],
  },
  {
    name: "what importing the client loads imports no credential that needs Node, and no test double",
    binds: (file) => /^packages\/client\/src\/[\w-]+\.ts$/.test(file) && !clientEntries.has(file),
    allows: (target) => !clientEntries.has(target) && !target.startsWith("packages/client/src/testing/"),
    planted: [
      { file: "packages/client/src/client.ts", text: 'import { iam } from "./iam.ts";' },
      { file: "packages/client/src/client.ts", text: 'import { SteppedTime } from "./testing/stepped-time.ts";' },
    ],
  },
  {
    name: "the public types of the construct import nothing",
    binds: (file) => file === "packages/cdk/src/props.ts",
    allows: () => false,
    planted: [
      { file: "packages/cdk/src/props.ts", text: 'import type { Caller } from "../../../infra/settings/types.ts";' },
    ],
  },
  {
    name: "the benchmark and the tools import no test, and fixtures, which all of them use, none of the three",
    binds: (file) => /^(fixtures|bench|tools)\//.test(file),
    allows: (target, file) =>
      !target.startsWith("test/") && !(file.startsWith("fixtures/") && /^(bench|tools)\//.test(target)),
    planted: [
      { file: "bench/table.ts", text: 'import { startWorld } from "../test/support/world.ts";' },
      { file: "tools/faults-page.ts", text: 'import type { FaultWorld } from "../test/faults/world.ts";' },
      { file: "fixtures/table.ts", text: 'import { serve } from "../test/support/server.ts";' },
      { file: "fixtures/table.ts", text: 'import { installPackages } from "../tools/packages.ts";' },
      { file: "fixtures/table.ts", text: 'import { startParts } from "../bench/parts.ts";' },
    ],
  },
];

/** The imports of these sources that the layer forbids, as `file -> target`. */
export function violations(layer: Layer, sources: Source[]): string[] {
  return sources
    .filter(({ file }) => layer.binds(file))
    .flatMap((source) =>
      importsOf(source)
        .filter(({ target }) => !layer.allows(target, source.file))
        .map(({ target }) => `${source.file} -> ${target}`),
    );
}
