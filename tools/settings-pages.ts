import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { defaultOf, plainNames, plainSettings } from "../infra/settings/schemas.ts";
import { settingsSchema as proxySettings } from "../packages/client/src/proxy/settings.ts";
import { callersJsonSchema, config, described, type JsonSchema, schemaField } from "./json-schemas.ts";
import { table } from "./markdown.ts";

const callers = {
  default: [],
  example: "callers=callers.json",
  description:
    "Callers that are not on AWS, and roles of other accounts: [callers.md](callers.md). The list, or the path of a JSON file with it ([JSON Schema](callers.schema.json)), relative to the folder of `cdk.json`.",
};

/** The JSON Schema of `settings/{stage}.json`. The name of the file is the stage. */
export function settingsJsonSchema(): JsonSchema {
  const inFile = plainNames.filter((name) => name !== "stage");
  const fields = inFile.map((name) => [
    name,
    v.optional(plainSettings[name].schema as v.GenericSchema, defaultOf(name)),
  ]);
  const { $schema, properties, ...schema } = toJsonSchema(
    v.strictObject({ $schema: schemaField, ...(Object.fromEntries(fields) as v.ObjectEntries) }),
    config,
  );
  const { anyOf = [], $defs } = callersJsonSchema();
  const list: JsonSchema = { anyOf: [{ type: "string" }, ...anyOf], default: callers.default };
  const descriptions = Object.entries({ ...plainSettings, callers }).map(([name, { description }]) => [
    name,
    withoutLinks(description),
  ]);
  return {
    $schema,
    title: "Settings of a stage of Smart Token Broker",
    ...described(
      { ...schema, properties: { ...properties, callers: list } },
      { $schema: "This JSON Schema, for editors.", ...(Object.fromEntries(descriptions) as Record<string, string>) },
    ),
    $defs,
  };
}

/** The generated table of docs/settings.md. */
export function settingsTable(): string {
  const [stage, connections, ...others] = plainNames.map((name) => ({
    ...plainSettings[name],
    name,
    default: defaultOf(name),
  }));
  const rows = [stage, connections, { ...callers, name: "callers" }, ...others].flatMap((each) =>
    each ? [[`\`${each.name}\``, written(each.default), `\`${each.example}\``, each.description]] : [],
  );
  return table(["key", "default", "with `-c`", "meaning"], rows);
}

const written = (value: unknown) =>
  value === undefined ? "none" : `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;

const withoutLinks = (text: string) => text.replaceAll(/\[([^\]]+)\]\([^)]*\)/g, "$1").replaceAll(/[`*]/g, "");

const proxyDescriptions = Object.entries(proxySettings.entries).map(([name, field]) => {
  const schema: v.GenericSchema & { wrapped?: v.GenericSchema } = field;
  return [name, v.getDescription(schema) ?? v.getDescription(schema.wrapped ?? schema) ?? ""] as const;
});

/** The JSON Schema of the file that `smart-services-proxy --config` reads. */
export function proxyJsonSchema(): JsonSchema {
  const { $schema, properties = {}, ...schema } = toJsonSchema(proxySettings, config);
  const fields = proxyDescriptions.map(([name, description]) => [
    name,
    { ...(properties[name] as object), description },
  ]);
  const title = "Settings of smart-services-proxy";
  return { $schema, title, ...schema, properties: Object.fromEntries(fields) as Record<string, JsonSchema> };
}

/** The generated table of docs/proxy.md. */
export function proxySettingsTable(): string {
  const rows = proxyDescriptions.slice(1).map(([name, description]) => {
    const [meaning = "", otherDefault] = description.replace(/\.$/, "").split(". Default: ");
    const field = proxySettings.entries[name as keyof typeof proxySettings.entries];
    const byDefault = field.type === "optional" ? (otherDefault ?? written(v.getDefault(field))) : "required";
    return [`\`${name}\``, byDefault, meaning];
  });
  return table(["setting", "default", "meaning"], rows);
}
