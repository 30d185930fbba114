import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import { expect, test } from "vitest";
import { SmartTokenBroker, type SmartTokenBrokerProps } from "../../packages/cdk/src/index.ts";
import { domain, keyCaller, synthesise } from "../infra/synth.ts";
import { type Finding, findLinter, lint } from "./linter.ts";

const linter = findLinter();
const regions = ["eu-south-1", "eu-west-1", "us-east-1", "us-gov-west-1", "cn-north-1"];

const principal = { name: "orders", connections: ["webapicorso", "acme-1"], principal: "210987654321" };
const oidc = {
  name: "portal",
  oidc: { issuer: "https://login.example.com", audience: "portal", connectionsClaim: "smart_services" },
  origins: ["https://portal.example.com"],
};
const reservedConcurrency = { token: 50, oauth: 20, status: 2, "token-rotation": 3, "key-rotation": 5, prober: 1 };
const prober = { connection: "webapicorso" };
const alarmEmail = "ops@example.com";

/** What is there or not. `all` has the other settings. */
const variants: Record<string, Record<string, unknown>> = {
  default: {},
  "no connection": { connections: [] },
  "callers of other accounts": { callers: [principal] },
  "no rotation": { rotateApiKeysEveryDays: 0 },
  "domain without a hosted zone": { domain: { name: domain.name, certificateArn: domain.certificateArn } },
  all: {
    stage: "prod",
    connections: ["webapicorso", "acme", "acme-1", "acme1", "second", "third"],
    callers: [keyCaller, oidc, principal],
    throttle: { token: { rate: 1, burst: 2 } },
    logRetentionDays: 365,
    prober,
    alarmEmail,
    shards: 3,
    reservedConcurrency,
    domain,
    deployment: "canary",
  },
};

/** All settings, in the stack of another app. */
function oneStack() {
  const outdir = mkdtempSync(join(tmpdir(), "smart-token-broker-test-"));
  const app = new App({ outdir });
  // oxlint-disable-next-line no-new -- a construct adds itself to its scope
  new SmartTokenBroker(new Stack(app, "Shop"), "Broker", variants["all"] as unknown as SmartTokenBrokerProps);
  return { name: "one stack", assembly: app.synth(), outdir };
}

/** Findings that are wrong or harmless. */
const ignored: { rule: string; of: RegExp; reason: string }[] = [
  {
    rule: "W3005",
    of: /DependsOn/,
    reason: "The CDK also lists dependencies that a reference makes. CloudFormation accepts them.",
  },
  {
    rule: "E3002",
    of: /^AWS::CloudWatch::Dashboard Properties\.Tags$/,
    reason: "AWS documents the tags of dashboards; the schema in cfn-lint 1.51.0 does not have them yet.",
  },
];

/** Type of the resource, and the path in it. */
function placeOf({ Filename, Location }: Finding): string {
  const template = JSON.parse(readFileSync(Filename, "utf8")) as Record<string, Record<string, { Type?: string }>>;
  const [section = "", id = "", ...path] = Location.Path.map(String);
  return `${template[section]?.[id]?.Type ?? section} ${path.join(".")}`;
}

test.skipIf(linter === undefined)("cfn-lint finds nothing in the templates of every variant of the settings", () => {
  // Many variants share templates. cfn-lint reads each once.
  const files = new Map<string, { file: string; variants: string[] }>();
  const synthesised = Object.entries(variants).map(([name, context]) => ({ name, ...synthesise(context) }));
  for (const { name, assembly, outdir } of [...synthesised, oneStack()]) {
    for (const { id, templateFile } of assembly.stacks) {
      const file = join(outdir, templateFile);
      const text = readFileSync(file, "utf8");
      const known = files.get(text) ?? { file, variants: [] };
      known.variants.push(`${id} (${name})`);
      files.set(text, known);
    }
  }
  const templates = [...files.values()];

  const findings = lint(
    linter ?? "",
    templates.map(({ file }) => file),
    regions,
  );

  const reported = findings
    .map((finding) => ({ finding, place: placeOf(finding) }))
    .filter(({ finding, place }) => !ignored.some(({ rule, of }) => rule === finding.Rule.Id && of.test(place)))
    .map(({ finding: { Filename, Rule, Message }, place }) => ({
      where: templates.find(({ file }) => file === Filename)?.variants.join(", "),
      what: `${Rule.Id} ${place}: ${Message}`,
    }));
  expect(reported).toEqual([]);
  expect(templates.length).toBeGreaterThan(Object.keys(variants).length);
});
