import { CdkUsageError } from "./cdk-arguments.ts";
import { runCdk } from "./run-cdk.ts";

// `npm run synth` and `npm run deploy`: cdk.ts COMMAND [arguments for cdk] [--stage STAGE]
const [command, ...args] = process.argv.slice(2);
try {
  const print = (line: string) => process.stdout.write(`${line}\n`);
  process.exitCode = await runCdk(command === "synth" ? "synth" : "deploy", args, { print });
} catch (error) {
  if (!(error instanceof CdkUsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
