import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { defaults, schemas } from "../infra/setting-schemas.ts";
import { callersJsonSchema, config, described, type JsonSchema, schemaField } from "./json-schemas.ts";

const descriptions = {
  $schema: "This JSON Schema, for editors.",
  alarmEmail: "Address that gets the alarms, after its owner confirms AWS's message.",
  callers: "Callers that are not on AWS, and roles of other accounts: the list, or the path of a JSON file with it.",
  connections: "Connections whose empty secret the stack creates. Other connections need no deployment.",
  deployment: "How requests move to a new version of the functions token and oauth: all at once, or first one in ten.",
  domain: "A host name of the API, with its certificate in ACM; the DNS record is made in hostedZone, if there is one.",
  logRetentionDays: "Retention of every log group, in days.",
  prober: "The connection whose token is requested at the public URL every five minutes.",
  reservedConcurrency: "Lambda executions at once that are reserved for a function, which is also its limit.",
  rotateApiKeysEveryDays:
    "Days between two rotations of an API key of the stack's own connections; 0 turns rotation off.",
  shards: "Number of schedules that share the connections.",
  tracing: "Whether AWS X-Ray traces the functions.",
  throttle: "Requests per second, and burst, for each route of a kind, from all callers together.",
};

/** The JSON Schema of `settings/{stage}.json`. The name of the file is the stage. */
export function settingsJsonSchema(): JsonSchema {
  const { stage: _, ...inFile } = schemas;
  const fields = Object.entries(inFile).map(([key, schema]) => [
    key,
    v.optional(schema as v.GenericSchema, defaults[key as keyof typeof defaults]),
  ]);
  const { $schema, properties, ...schema } = toJsonSchema(
    v.strictObject({ $schema: schemaField, ...(Object.fromEntries(fields) as v.ObjectEntries) }),
    config,
  );
  const { anyOf = [], $defs } = callersJsonSchema();
  const callers: JsonSchema = { anyOf: [{ type: "string" }, ...anyOf], default: [] };
  return {
    $schema,
    title: "Settings of a stage of Smart Token Broker",
    ...described({ ...schema, properties: { ...properties, callers } }, descriptions),
    $defs,
  };
}
