import { connectionIdPattern, connectionIdRule } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { partitionCount } from "@smart-token-broker/auth-core/rules/tokens/partition.ts";
import * as v from "valibot";
import { domainSchema } from "./domain.ts";
import { throwIfAny, unknownSettings } from "./error.ts";

/** Retention periods of CloudWatch Logs, in days, up to ten years. */
const retentionDays = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

const wholeNumber = v.pipe(
  v.number("must be a number"),
  v.integer("must be a whole number"),
  v.minValue(1, "must be at least 1"),
);

const connectionId = (rule: string) =>
  v.pipe(v.string(rule), v.regex(connectionIdPattern, `must be ${connectionIdRule}`));

const throttle = v.strictObject(
  { rate: wholeNumber, burst: wholeNumber },
  "must be an object with rate and burst only, in requests per second",
);

const services = ["token", "oauth", "calls", "status", "token-rotation", "key-rotation", "prober"] as const;

/**
 * Each connection has one resource in the stack State and one in Rotation. A stack has at most 500, and Rotation has up to
 * 34 others. The rest is room for later versions, which must not reject a list that was accepted.
 */
export const maxConnections = 450;

interface Setting {
  schema: v.GenericSchema;
  /** As people write it. Absent: the setting is optional. */
  default?: unknown;
  /** After `-c`, as people write it. */
  example: string;
  /** For docs/settings.md, and without its links for editors. */
  description: string;
}

/**
 * Every setting except `callers`, which has a schema of its own: its type, rule, default and description.
 * `npm run generate` makes the JSON Schema and the table of docs/settings.md from it.
 */
export const plainSettings = {
  stage: {
    schema: v.pipe(
      v.string("must be a string"),
      v.regex(/^[a-z][a-z0-9]{0,15}$/, "must be 1 to 16 characters a-z and 0-9 and start with a letter"),
    ),
    default: "dev",
    example: "stage=prod",
    description:
      "Part of every name, so that one account can hold several deployments. 1 to 16 of `a-z` and `0-9`, starting with a letter. Not in the file: it is the file's name.",
  },
  connections: {
    schema: v.pipe(
      v.array(connectionId("must be a list of strings"), "must be a list"),
      v.checkItems((id, index, all) => all.indexOf(id) === index, "must not have an id twice"),
      v.maxLength(
        maxConnections,
        `must have at most ${maxConnections} ids, because a stack has a limit; add all others with "npx broker connections add ID", which needs no deployment`,
      ),
    ),
    default: [],
    example: '\'connections=["a","b"]\'',
    description: `Connections whose **empty** secret the stack creates, at most ${maxConnections}: a stack has a limit of resources. Add all others with \`npx broker connections add ID\`, which needs no deployment and has no limit.`,
  },
  alarmEmail: {
    schema: v.pipe(v.string("must be a string"), v.email("must be one e-mail address")),
    example: "alarmEmail=ops@example.com",
    description:
      "Address that gets the alarms, after its owner confirms AWS's message. [More addresses, Slack, a pager](#who-gets-the-alarms).",
  },
  prober: {
    schema: v.strictObject(
      { connection: connectionId("must be a string") },
      'must be an object with a connection id only: {"connection": "ID"}',
    ),
    example: '\'prober={"connection":"a"}\'',
    description:
      '`{"connection": "…"}`: every five minutes a function requests this connection\'s token at the public URL, with and without a signature.',
  },
  domain: {
    schema: domainSchema,
    example: "'domain={\"name\":…}'",
    description:
      'A [host name of your own](#a-domain) for the API: `{"name": "tokens.example.com", "certificateArn": "arn:aws:acm:…"}`, and optionally `hostedZone` and `defaultEndpoint`.',
  },
  deployment: {
    schema: v.picklist(["all-at-once", "canary"], "must be all-at-once or canary"),
    default: "all-at-once",
    example: "deployment=canary",
    description:
      "How requests move to a new version of the functions `token`, `oauth` and `calls`. `canary`: one in ten for five minutes, then all, and [back](runbook.md#a-deployment-is-rolled-back) if an alarm starts.",
  },
  throttle: {
    schema: v.strictObject(
      {
        token: v.optional(throttle, { rate: 200, burst: 400 }),
        oauth: v.optional(throttle, { rate: 100, burst: 200 }),
        calls: v.optional(throttle, { rate: 100, burst: 200 }),
        status: v.optional(throttle, { rate: 10, burst: 20 }),
      },
      "must be an object with token, oauth, calls and status only",
    ),
    default: {},
    example: '\'throttle={"token":{"rate":9,"burst":9}}\'',
    description: "Requests per second, and burst, for each route of a kind, from all callers together.",
  },
  shards: {
    schema: v.pipe(wholeNumber, v.maxValue(partitionCount, `must be at most ${partitionCount}`)),
    default: 1,
    example: "shards=2",
    description: `Number of schedules that share the connections, 1 to ${partitionCount}. Add one for every few thousand replacements a minute.`,
  },
  reservedConcurrency: {
    schema: v.strictObject(
      v.entriesFromList(services, v.optional(wholeNumber)),
      `must be an object with ${services.join(", ")} only`,
    ),
    example: "'reservedConcurrency={\"token\":50}'",
    description: `Lambda executions at once that are [reserved](#concurrent-executions) for a function, which is also its limit: \`{"token": 50, "token-rotation": 2}\`. Names: ${services.map((name) => `\`${name}\``).join(", ")}.`,
  },
  rotateApiKeysEveryDays: {
    schema: v.pipe(
      v.number("must be a number of days"),
      v.integer("must be a whole number of days"),
      v.minValue(0, "must be at least 0 (off)"),
      v.maxValue(1000, "must be at most 1000, the maximum of Secrets Manager"),
    ),
    default: 90,
    example: "rotateApiKeysEveryDays=0",
    description:
      "Days between two rotations of an API key of the stack's own connections, at most 1,000. 0 turns rotation off.",
  },
  tracing: {
    schema: v.boolean("must be true or false"),
    default: false,
    example: "tracing=true",
    description:
      "Whether AWS X-Ray traces the functions, and the log names each trace. [What it costs](cost.md#what-dominates): 13 $ a month at one request a second.",
  },
  logRetentionDays: {
    schema: v.picklist(retentionDays, `must be one of ${retentionDays.join(", ")}`),
    default: 30,
    example: "logRetentionDays=365",
    description: "Retention of every log group, in days that CloudWatch Logs accepts.",
  },
} satisfies Record<string, Setting>;

type Plain = typeof plainSettings;

/** The values of all settings except `callers`. */
export type PlainSettings = {
  [Name in keyof Plain]:
    | v.InferOutput<Plain[Name]["schema"]>
    | (Plain[Name] extends { default: unknown } ? never : undefined);
};

export const plainNames = Object.keys(plainSettings) as (keyof Plain)[];
export const settingNames = ["callers", ...plainNames];

/** The value of a setting that is not set. */
export function defaultOf(name: keyof Plain): PlainSettings[keyof Plain] {
  const { schema, default: value }: Setting = plainSettings[name];
  return value === undefined ? undefined : (v.parse(schema, value) as PlainSettings[keyof Plain]);
}

/** Keys that the CDK itself adds to a context. Its other keys have a colon or start with `cdk-`. */
const namesOfCdk = new Set(["acknowledged-issue-numbers", "cli-telemetry"]);

/** Throws an error with one line for each key of a context that is neither a setting nor the CDK's own. */
export function rejectUnknownSettings(keys: string[]): void {
  const isOfCdk = (key: string) => key.includes(":") || key.startsWith("cdk-") || namesOfCdk.has(key);
  const all = keys.filter((key) => !isOfCdk(key));
  throwIfAny(unknownSettings(all, settingNames, "cdk.json (context) or -c"));
}
