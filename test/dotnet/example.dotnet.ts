import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { sampleCallerKey } from "../../local/callers/sample-callers.ts";
import { tryExamples } from "../examples/trials.ts";
import { dotnet } from "../examples/vendor-form.ts";
import { output } from "../local/run-harness.ts";

const source = join(import.meta.dirname, "..", "..", "examples/dotnet/SmartServicesClient.cs");
const folder = mkdtempSync(join(tmpdir(), "dotnet-example-"));
const program = join(folder, "SmartServicesClient.exe");

beforeAll(async () => void (await output("mcs", ["-r:System.Net.Http.dll", `-out:${program}`, source])));
afterAll(() => rmSync(folder, { recursive: true }));

tryExamples([
  {
    name: ".NET",
    dialect: dotnet,
    credential: async () => sampleCallerKey,
    ask: (host, credential) =>
      output("mono", [program], { SMART_SERVICES_HOST: host, SMART_SERVICES_CREDENTIAL: credential }),
  },
]);
