import { App, type AppProps, Tags, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks, ServerlessChecks } from "cdk-nag";
import { SettingError } from "./settings.ts";
import { readStageSettings, settingsFolder, type StageOptions } from "./stage-settings.ts";
import { ApiStack } from "./stacks/api.ts";
import { MonitoringStack } from "./stacks/monitoring.ts";
import { RotationStack } from "./stacks/rotation.ts";
import { StateStack } from "./stacks/state.ts";

/**
 * Builds the CDK app with all stacks. `cdk` runs this file. The local run and the tests call the function; without
 * `options.folder`, it reads no file of a stage.
 */
export function brokerApp(props: AppProps = {}, options?: StageOptions): App {
  const app = new App(props);
  const settings = readStageSettings(app.node.getAllContext() as Record<string, unknown>, options);
  const named = (stack: string) => ({ stackName: `smart-token-broker-${settings.stage}-${stack}` });

  const state = new StateStack(app, "State", settings, named("state"));
  const api = new ApiStack(app, "Api", settings, state.stores, named("api"));
  const rotation = new RotationStack(app, "Rotation", settings, state.stores, named("rotation"));
  new MonitoringStack(app, "Monitoring", settings, { state, api, rotation }, named("monitoring"));

  Tags.of(app).add("application", "smart-token-broker");
  Tags.of(app).add("stage", settings.stage);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
  return app;
}

if (import.meta.main) {
  try {
    brokerApp({}, { allowLoopbackHttp: false, folder: settingsFolder }).synth();
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
