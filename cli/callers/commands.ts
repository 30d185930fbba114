import { join, relative } from "node:path";
import { type Command, Option } from "commander";
import { type CommonOptions, examples, type Find, type OnDeployment, type Print, yes } from "../command.ts";
import { expectStage, settingsFolder } from "../deployment/stage.ts";
import { CommandError } from "../exit.ts";
import { findLocal, localUrlOf } from "../deployment/find-local.ts";
import { makeCallerKey } from "./key.ts";

/** `broker callers …`. Only `revoke`, `revoked` and `restore` work on a deployment. */
export function callersCommands(root: Command, onDeployment: OnDeployment, print: Print, find: Find): void {
  const callers = root.command("callers").description("manage callers that do not sign with IAM");
  examples(callers, "callers list", "callers key old-php");
  examples(callers.command("key <name>"), "callers key old-php")
    .description("create a caller key: print the key, once, and its hash for the list of callers")
    .action(function act(this: Command, name: string) {
      print(makeCallerKey(name), this.optsWithGlobals<CommonOptions>());
    });
  examples(
    callers.command("add <name>"),
    "callers add old-php --connections acme",
    'callers add agent --connections acme --call "GET /api/v1/{scope}/CO/**"',
    "callers add old-php --local",
  )
    .description("create a caller key and add its caller to the settings of the stage, or to the local run at once")
    .option("--connections <ids>", "ids that the caller may use, separated by commas; default: prompt")
    .option(
      "--call <rule>",
      'the caller makes calls and gets no token: methods and a path, like "GET,POST /api/v1/{scope}/CO/**". Repeatable',
      (rule: string, rules: string[]) => [...rules, rule],
      [],
    )
    .option("--file <file>", "settings of a stage, or a file with only the list; default: settings/{stage}.json")
    .action(async function act(this: Command, name: string) {
      const options = this.optsWithGlobals<CommonOptions & { file?: string; connections?: string; call: string[] }>();
      const { stage } = options;
      const { addCaller, addLocalCaller } = await import("./add.ts");
      const url = localUrlOf(options);
      print(
        url === undefined
          ? await addCaller(name, { ...options, find: () => find(options) }, listFile(options), stage)
          : await addLocalCaller(name, { ...options, find: () => findLocal(url) }),
        options,
      );
    });
  examples(callers.command("list"), "callers list --stage prod", "callers list --file callers.json")
    .description("check and print the list of callers in the settings of the stage, or that of the local run")
    .option("--file <file>", "settings of a stage, or a file with only the list; default: settings/{stage}.json")
    .action(async function act(this: Command) {
      const options = this.optsWithGlobals<CommonOptions & { file?: string }>();
      const { listCallers, listLocalCallers } = await import("./list.ts");
      const url = options.file === undefined ? localUrlOf(options) : undefined;
      print(await (url === undefined ? listCallers(listFile(options)) : listLocalCallers(url)), options);
    });
  const user = [
    "--user <sub>",
    "one user, in all entries with calls: the JWT's sub, or the pseudonym in the log",
  ] as const;
  examples(callers.command("revoke <name>"), "callers revoke old-php --stage prod", "callers revoke portal --user me")
    .description("revoke the keys of a deployed caller, or stop the calls of an entry with oidc, within 30 s")
    .option("--key-sha256 <hash>", "only the key with this hash, which need not be deployed")
    .addOption(new Option(...user).conflicts("keySha256"))
    .option(...yes)
    .action(onDeployment(async () => (await import("./revoke.ts")).revokeCaller));
  examples(callers.command("revoked"), "callers revoked --stage prod")
    .description("list the revoked keys, entries and users of a deployment")
    .action(onDeployment(async () => (await import("./records.ts")).listRevoked));
  examples(callers.command("restore <name>"), "callers restore portal", "callers restore portal --user me")
    .description("undo callers revoke for an entry with oidc and calls, or for a user, within 30 s")
    .option(...user)
    .action(onDeployment(async () => (await import("./stop-calls.ts")).restoreCalls));
}

/** The file with the list of callers, from the options. Throws CommandError. */
function listFile({ stage, stack, file }: CommonOptions & { file?: string }): string {
  if (stack !== undefined && file === undefined) {
    throw new CommandError(
      "usage",
      "With --stack, the list is in the props of SmartTokenBroker, and in no file here. Read it there, or set --file.",
    );
  }
  expectStage(stage);
  return file ?? relative(".", join(settingsFolder, `${stage}.json`));
}
