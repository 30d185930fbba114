import { join } from "node:path";
import { sampleCallerKey } from "../../local/callers/sample-callers.ts";
import { output } from "../local/run-harness.ts";
import { hasPrograms } from "../support/programs.ts";
import { type Example, tryExamples } from "./trials.ts";
import { plain } from "./vendor-form.ts";

const folder = join(import.meta.dirname, "..", "..", "examples");
const byKey = { dialect: plain, credential: async () => sampleCallerKey };

/** A program that reads host and credential from its environment. */
const program = (file: string, ...args: string[]) => ({
  ask: (host: string, credential: string) =>
    output(file, args, { SMART_SERVICES_HOST: host, SMART_SERVICES_CREDENTIAL: credential }),
});

const curl: Example = { name: "curl", ...byKey, ...program(join(folder, "curl/token.sh")) };
const node: Example = {
  name: "Node with axios and form-data",
  ...byKey,
  ...program(process.execPath, join(folder, "node-axios/token.mjs")),
};

tryExamples(hasPrograms("curl") ? [curl, node] : [node]);
