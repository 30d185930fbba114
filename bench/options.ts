import { parseArgs } from "node:util";
import type { Scenario, Size } from "./scenario.ts";
import { bill, million, ofDeployment, scenarios } from "./scenarios.ts";

export const help = `npm run bench -- [SCENARIO…] [--json FILE] [--tiny] [--write]
npm run bench -- cost [--json FILE]
npm run bench -- million [--json FILE]
npm run bench -- deployed --url URL --connection ID [--requests N] [--json FILE]

Measures the figures that the documentation states, each beside its baseline, and prints them as Markdown.
Without a SCENARIO it runs all: ${Object.keys(scenarios).join(", ")}.

  --json FILE  also writes the figures into a file
  --tiny       only tries the scenarios: the figures mean nothing
  --write      puts the tables of all scenarios into docs/performance.md

cost counts on embedded parts what AWS charges, and writes the bill into docs/cost.md.

million makes a million calls through the proxy beside a service, and compares its memory. It takes some minutes.

deployed requests tokens from a deployment, signed with the credentials of the SDK. It sends twice as many requests as
--requests says (100; at most 2,000), and 21 more. A thousand requests cost less than 0.01 $.
`;

export interface Options {
  chosen: Record<string, Scenario>;
  size: Size;
  json: string | undefined;
  isToWrite: boolean;
}

/** The options of the command line. Throws an error that says what is wrong with them. */
export function readOptions(args: string[]): Options | "help" {
  const boolean = { type: "boolean", default: false } as const;
  const string = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: string,
      tiny: boolean,
      write: boolean,
      help: { ...boolean, short: "h" },
      url: string,
      connection: string,
      requests: string,
    },
  });
  if (values.help) return "help";
  const common = { size: values.tiny ? "tiny" : "full", json: values.json, isToWrite: values.write } as const;
  const alone = positionals.find((name) => ["cost", "million", "deployed"].includes(name));
  if (alone !== undefined && (positionals.length > 1 || values.tiny || values.write)) {
    throw new Error(`${alone} runs alone, without --tiny and --write.`);
  }
  if (alone === "deployed") return { ...common, chosen: { deployed: deployment(values) } };
  if (values.url ?? values.connection ?? values.requests) {
    throw new Error("--url, --connection and --requests belong to the scenario deployed.");
  }
  if (alone === "cost") return { ...common, chosen: { cost: bill } };
  if (alone === "million") return { ...common, chosen: { million } };
  const unknown = positionals.find((name) => !Object.hasOwn(scenarios, name));
  if (unknown !== undefined) throw new Error(`There is no scenario ${unknown}.`);
  if (values.write && (positionals.length > 0 || values.tiny)) {
    throw new Error("--write needs a full run of all scenarios.");
  }
  const isChosen = ([name]: [string, Scenario]) => positionals.length === 0 || positionals.includes(name);
  return { ...common, chosen: Object.fromEntries(Object.entries(scenarios).filter(isChosen)) };
}

function deployment(values: { url?: string; connection?: string; requests?: string }): Scenario {
  const { url, connection, requests = "100" } = values;
  if (url === undefined || !/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
    throw new Error("deployed needs --url, the URL of the API: https://….");
  }
  if (!connection) throw new Error("deployed needs --connection, the id of a connection that has a token.");
  const count = Number(requests);
  if (!Number.isInteger(count) || count < 1 || count > 2000) throw new Error("--requests must be from 1 to 2000.");
  return ofDeployment({ url, connection, requests: count });
}
