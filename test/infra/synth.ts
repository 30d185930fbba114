import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { App } from "aws-cdk-lib";
import type { CloudAssembly } from "aws-cdk-lib/cx-api";
import { brokerApp } from "../../infra/app.ts";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "smart-token-broker-test-"));

/** A caller that needs the OAuth function. */
export const keyCaller = { name: "php", connections: ["webapicorso"], keySha256: ["0".repeat(64)] };

/** A caller that needs the function calls: users of a portal, who get no token. */
export const callsCaller = {
  name: "shop",
  oidc: { issuer: "https://login.example.com", audience: "shop", connectionsClaim: "smart_services" },
  origins: ["https://shop.example.com"],
  calls: [{ methods: ["GET" as const, "POST" as const], path: "/api/v1/{scope}/CO/**" }],
};

/** A domain with every field, and without the default endpoint. */
export const domain = {
  name: "tokens.example.com",
  certificateArn: "arn:aws:acm:eu-south-1:123456789012:certificate/fake",
  hostedZone: { id: "Z0123456789FAKE", name: "example.com" },
  defaultEndpoint: false,
};

/** Settings with every optional part of the stacks. */
export const everything = {
  connections: ["webapicorso"],
  callers: [keyCaller, callsCaller, { name: "orders", connections: ["webapicorso"], principal: "210987654321" }],
  prober: { connection: "webapicorso" },
  alarmEmail: "ops@example.com",
  domain,
  deployment: "canary",
};

/** A resource of a template. */
export interface Resource {
  stack: string;
  id: string;
  Type: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- a template is JSON of a hundred shapes
  Properties: any;
  DependsOn?: string | string[];
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
}

export interface Synthesised {
  /** Folder of the cloud assembly, inside the temporary folder of this run. */
  outdir: string;
  assembly: CloudAssembly;
  resources: Resource[];
  ofType: (type: string) => Resource[];
  /** A property as text, with `${LogicalId}` and `${LogicalId.Attribute}`. Resolves exports and outputs of other stacks. */
  render: (value: unknown) => string;
}

/** The app with the CDK's flags of `cdk.json`, no file of a stage and every validation, before synthesis; its output folder. */
export function newApp(context: Record<string, unknown> = {}): { app: App; outdir: string } {
  const outdir = mkdtempSync(join(folder, "assembly-"));
  const cdkJson = JSON.parse(readFileSync(join(root, "cdk.json"), "utf8")) as { context: object };
  process.env["CDK_VALIDATION"] = "true";
  return { app: brokerApp({ outdir, context: { ...cdkJson.context, ...context } }), outdir };
}

const synthesised = new Map<string, Synthesised>();

/** The stacks of a context. Synthesises each context once per process, for all its test files. */
export function synthesise(context: Record<string, unknown> = {}): Synthesised {
  const key = JSON.stringify(context);
  const known = synthesised.get(key) ?? synthesiseAgain(context);
  synthesised.set(key, known);
  return known;
}

/** Synthesises as `cdk deploy` does, without the CDK's validation, which takes a second and runs in nag.test.ts. */
export function synthesiseAgain(context: Record<string, unknown> = {}): Synthesised {
  const { app, outdir } = newApp(context);
  process.env["CDK_VALIDATION"] = "false";
  const assembly = app.synth();
  const templates = assembly.stacks.map((stack) => ({ stack: stack.id, template: stack.template as Template }));
  const resources = templates.flatMap(({ stack, template }) =>
    Object.entries(template.Resources).map(([id, resource]) => ({ stack, id, ...resource })),
  );
  const parameters = resources.filter(({ Type }) => Type === "AWS::SSM::Parameter");
  // By the name of the export, by stack and name of the output, and by the attribute of a parameter.
  const outputs = new Map<string | undefined, unknown>([
    ...parameters.map(({ id, Properties }) => [`${id},Value`, Properties.Value] as const),
    ...assembly.stacks.flatMap(({ stackName, template }) =>
      Object.entries((template as Template).Outputs ?? {}).flatMap(([name, { Export, Value }]) => [
        [Export?.Name, Value] as const,
        [`${stackName}/${name}`, Value] as const,
      ]),
    ),
  ]);
  return {
    outdir,
    assembly,
    resources,
    ofType: (type) => resources.filter(({ Type }) => Type === type),
    render: (value) => render(value, outputs),
  };
}

interface Template {
  Resources: Record<string, Omit<Resource, "stack" | "id">>;
  Outputs?: Record<string, { Value: unknown; Export?: { Name: string } }>;
}

function render(value: unknown, outputs: Map<string | undefined, unknown>): string {
  if (typeof value !== "object" || value === null) return String(value);
  const [[name, argument] = ["", undefined]] = Object.entries(value);
  switch (name) {
    case "Ref":
      return `\${${argument}}`;
    case "Fn::Select": {
      // Of the names in the parameter of Monitoring.
      const [index, { "Fn::Split": split }] = argument as [number, { "Fn::Split": [string, unknown] }];
      return render(split[1], outputs).split(split[0])[index] ?? "";
    }
    case "Fn::GetAtt":
      if (outputs.has(String(argument))) return render(outputs.get(String(argument)), outputs);
      return `\${${(argument as string[]).join(".")}}`;
    case "Fn::Join": {
      const [separator, parts] = argument as [string, unknown[]];
      return parts.map((part) => render(part, outputs)).join(separator);
    }
    case "Fn::ImportValue":
      return render(outputs.get(argument as string), outputs);
    case "Fn::GetStackOutput": {
      const { StackName, OutputName } = argument as Record<string, string>;
      return render(outputs.get(`${StackName}/${OutputName}`), outputs);
    }
    default:
      throw new Error(`cannot render ${JSON.stringify(value)}`);
  }
}
