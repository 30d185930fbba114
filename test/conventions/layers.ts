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
const inRepository = /^(\.\.|functions|infra|local|cli|clients|bench|test|tools|node_modules)\//;
const isPackage = (target: string) => target !== "computed" && !inRepository.test(target);
const functionOf = (path: string) => /^functions\/([^/]+)\//.exec(path)?.[1];

/** Dependencies point one way: rules ← use cases ← adapters ← handlers ← stacks, and nothing points outside. */
export const layers: Layer[] = [
  {
    name: "rules import rules, valibot, and of node what does no I/O",
    binds: below(`${core}rules/`),
    allows: (target) => target.startsWith(`${core}rules/`) || /^(valibot|node:(crypto|util|buffer|url))$/.test(target),
    planted: [
      { file: `${core}rules/a.ts`, text: 'import { Agent } from "undici";' },
      { file: `${core}rules/a.ts`, text: 'import type { Ports } from "../use-cases/ports.ts";' },
      { file: `${core}rules/a.ts`, text: "import { readFileSync } from 'node:fs';" },
      { file: `${core}rules/a.ts`, text: 'export * from "@aws-sdk/client-dynamodb";' },
      { file: `${core}rules/a.ts`, text: "const name = process.argv[2]; await import(name);" },
    ],
  },
  {
    name: "use cases import rules and use cases",
    binds: below(`${core}use-cases/`),
    allows: (target) => target.startsWith(`${core}rules/`) || target.startsWith(`${core}use-cases/`),
    planted: [
      { file: `${core}use-cases/a.ts`, text: 'import { GetItemCommand } from "@aws-sdk/client-dynamodb";' },
      { file: `${core}use-cases/a.ts`, text: 'const undici = await import("undici");' },
      { file: `${core}use-cases/a.ts`, text: 'import middy from "@middy/core";' },
      { file: `${core}use-cases/a.ts`, text: 'export { Logger } from "@aws-lambda-powertools/logger";' },
      { file: `${core}use-cases/a.ts`, text: 'import {\n  type One,\n  two,\n} from "../adapters/dynamodb.ts";' },
    ],
  },
  {
    name: "adapters know neither HTTP, nor who composes them, nor a handler",
    binds: below(`${core}adapters/`),
    allows: (target) =>
      isPackage(target) ||
      [`${core}adapters/`, `${core}rules/`, `${core}use-cases/`].some((at) => target.startsWith(at)),
    planted: [
      { file: `${core}adapters/a.ts`, text: 'import type { Reply } from "../http/response.ts";' },
      { file: `${core}adapters/a.ts`, text: 'import { deployedPorts } from "../deployed-ports.ts";' },
      { file: `${core}adapters/a.ts`, text: 'import { handler } from "@smart-token-broker/token/handler.ts";' },
    ],
  },
  {
    name: "functions import the core, never each other, and nothing that is not deployed with them",
    binds: below("functions/"),
    allows: (target, file) => isPackage(target) || target.startsWith(core) || functionOf(target) === functionOf(file),
    planted: [
      { file: "functions/status/handler.ts", text: 'import { handler } from "../token/handler.ts";' },
      { file: "functions/status/handler.ts", text: 'await import("@smart-token-broker/token/handler.ts");' },
      { file: `${core}http/a.ts`, text: 'import { handler } from "../../token/handler.ts";' },
      { file: "functions/token/handler.ts", text: "await import(process.env.NAME);" },
      { file: "functions/token/handler.ts", text: 'import { brokerApp } from "../../infra/app.ts";' },
      { file: "functions/token/handler.ts", text: 'import { startGateway } from "../../local/gateway/server.ts";' },
      { file: `${core}deployed-ports.ts`, text: 'import "../../cli/main.ts";' },
      { file: `${core}deployed-ports.ts`, text: 'export { steppedClock } from "../../test/support/clock.ts";' },
    ],
  },
  {
    name: "the stacks import of the core its settings, connection ids, callers and metrics, and nothing local",
    binds: below("infra/"),
    allows: (target) =>
      target.startsWith("infra/") ||
      ["rules/settings", "rules/connection-id", "rules/callers", "metrics"].some(
        (file) => target === `${core}${file}.ts`,
      ) ||
      isPackage(target),
    planted: [
      { file: "infra/stacks/a.ts", text: 'import "@smart-token-broker/auth-core/rules/secret.ts";' },
      { file: "infra/app.ts", text: 'import { handler } from "../functions/token/handler.ts";' },
      { file: "infra/app.ts", text: 'const { startLocalRun } = await import("../local/run.ts");' },
      { file: "infra/app.ts", text: 'import { x } from "../cli/main.ts";' },
      { file: "infra/app.ts", text: 'import { x } from "../test/support/aws.ts";' },
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
