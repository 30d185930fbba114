import { type CdkCommand, CdkUsageError } from "./cdk-arguments.ts";
import { runCdk } from "./run-cdk.ts";

// `npm run synth`, `bootstrap` and `deploy`: cdk.ts COMMAND [arguments for cdk] [--stage STAGE]
const [command = "", ...args] = process.argv.slice(2);
try {
  const print = (line: string) => process.stdout.write(`${line}\n`);
  process.exitCode = await runCdk(command as CdkCommand, args, { print });
} catch (error) {
  if (!(error instanceof CdkUsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
