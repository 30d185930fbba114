import { connectionIdPattern, connectionIdRule } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { partitionCount } from "@smart-token-broker/auth-core/rules/partition.ts";
import * as v from "valibot";
import { domainSchema } from "./domain-settings.ts";
import { throwIfAny, unknownSettings } from "./setting-error.ts";
import type { PlainSettings } from "./settings.ts";

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

const services = ["token", "oauth", "status", "token-rotation", "key-rotation", "prober"] as const;

/**
 * Each connection has one resource in the stack State and one in Rotation. A stack has at most 500, and Rotation has up to
 * 34 others. The rest is room for later versions, which must not reject a list that was accepted.
 */
export const maxConnections = 450;

/** Key → the schema of its value. `npm run generate` makes the JSON Schema of them and of `defaults`. */
export const schemas = {
  alarmEmail: v.pipe(v.string("must be a string"), v.email("must be one e-mail address")),
  prober: v.strictObject(
    { connection: connectionId("must be a string") },
    'must be an object with a connection id only: {"connection": "ID"}',
  ),
  domain: domainSchema,
  deployment: v.picklist(["all-at-once", "canary"], "must be all-at-once or canary"),
  stage: v.pipe(
    v.string("must be a string"),
    v.regex(/^[a-z][a-z0-9]{0,15}$/, "must be 1 to 16 characters a-z and 0-9 and start with a letter"),
  ),
  connections: v.pipe(
    v.array(connectionId("must be a list of strings"), "must be a list"),
    v.checkItems((id, index, all) => all.indexOf(id) === index, "must not have an id twice"),
    v.maxLength(
      maxConnections,
      `must have at most ${maxConnections} ids, because a stack has a limit; add all others with "npx broker connections add ID", which needs no deployment`,
    ),
  ),
  throttle: v.strictObject(
    {
      token: v.optional(throttle, { rate: 200, burst: 400 }),
      oauth: v.optional(throttle, { rate: 100, burst: 200 }),
      status: v.optional(throttle, { rate: 10, burst: 20 }),
    },
    "must be an object with token, oauth and status only",
  ),
  reservedConcurrency: v.strictObject(
    v.entriesFromList(services, v.optional(wholeNumber)),
    `must be an object with ${services.join(", ")} only`,
  ),
  shards: v.pipe(wholeNumber, v.maxValue(partitionCount, `must be at most ${partitionCount}`)),
  rotateApiKeysEveryDays: v.pipe(
    v.number("must be a number of days"),
    v.integer("must be a whole number of days"),
    v.minValue(0, "must be at least 0 (off)"),
    v.maxValue(1000, "must be at most 1000, the maximum of Secrets Manager"),
  ),
  tracing: v.boolean("must be true or false"),
  logRetentionDays: v.picklist(retentionDays, `must be one of ${retentionDays.join(", ")}`),
};

export const defaults: PlainSettings = {
  stage: "dev",
  connections: ["webapicorso"],
  throttle: { token: { rate: 200, burst: 400 }, oauth: { rate: 100, burst: 200 }, status: { rate: 10, burst: 20 } },
  logRetentionDays: 30,
  shards: 1,
  rotateApiKeysEveryDays: 90,
  deployment: "all-at-once",
  tracing: false,
};

export const settingNames = ["callers", ...Object.keys(schemas)];

/** Keys that the CDK itself adds to a context. Its other keys have a colon or start with `cdk-`. */
const namesOfCdk = new Set(["acknowledged-issue-numbers", "cli-telemetry"]);

/** Throws an error with one line for each key of a context that is neither a setting nor the CDK's own. */
export function rejectUnknownSettings(keys: string[]): void {
  const isOfCdk = (key: string) => key.includes(":") || key.startsWith("cdk-") || namesOfCdk.has(key);
  const all = keys.filter((key) => !isOfCdk(key));
  throwIfAny(unknownSettings(all, settingNames, "cdk.json (context) or -c"));
}
