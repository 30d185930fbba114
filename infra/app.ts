import { App, type AppProps, CrossStackReferences, ReferenceStrength, Stack, Tags, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks, ServerlessChecks } from "cdk-nag";
import { Api } from "./parts/api.ts";
import { Monitoring } from "./parts/monitoring.ts";
import { Rotation } from "./parts/rotation.ts";
import { State } from "./parts/state.ts";
import { SettingError } from "./settings/error.ts";
import { readStageSettings, settingsFolder, type StageOptions } from "./settings/stage.ts";

/**
 * Builds the CDK app with all stacks. `cdk` runs this file. The local run and the tests call the function; without
 * `options.folder`, it reads no file of a stage.
 */
export function brokerApp(props: AppProps = {}, options?: StageOptions): App {
  const app = new App(props);
  const settings = readStageSettings(app.node.getAllContext() as Record<string, unknown>, options);
  const stack = (id: string, terminationProtection = false) =>
    new Stack(app, id, {
      stackName: `smart-token-broker-${settings.stage}-${id.toLowerCase()}`,
      terminationProtection,
    });
  // The CDK leaves the id "Default" out of logical ids.
  const state = new State(stack("State", true), "Default", settings);
  // The id of the API is in the policy of every caller.
  const api = new Api(stack("Api", true), "Default", settings, state.stores);
  const rotation = new Rotation(stack("Rotation"), "Default", settings, state.stores);
  const monitoring = stack("Monitoring");
  // With exports, CloudFormation would reject a deployment that removes a function which this stack still watches.
  CrossStackReferences.of(monitoring).consume(ReferenceStrength.WEAK);
  new Monitoring(monitoring, "Default", settings, { state, api, rotation, target: `--stage ${settings.stage}` });

  Tags.of(app).add("application", "smart-token-broker");
  Tags.of(app).add("stage", settings.stage);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
  return app;
}

if (import.meta.main) {
  // `npm run deploy` sets it. In CDK_DEFAULT_REGION, the CDK says us-east-1 if it knows no region.
  const { AWS_REGION: region } = process.env;
  try {
    brokerApp({}, { allowLoopbackHttp: false, folder: settingsFolder, ...(region && { region }) }).synth();
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
