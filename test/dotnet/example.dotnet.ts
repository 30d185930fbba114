import { sampleCallerKey } from "../../local/callers/sample-callers.ts";
import { tryExamples } from "../examples/trials.ts";
import { dotnet } from "../examples/vendor-form.ts";
import { output } from "../local/run-harness.ts";
import { compile } from "./compile.ts";

const program = await compile("examples/dotnet/SmartServicesClient.cs");

tryExamples([
  {
    name: ".NET",
    dialect: dotnet,
    credential: async () => sampleCallerKey,
    ask: (host, credential) =>
      output("mono", [program], { SMART_SERVICES_HOST: host, SMART_SERVICES_CREDENTIAL: credential }),
  },
]);
