// An app of two stages: run in the folder into which the package is installed.
import { SmartTokenBroker } from "@smart-token-broker/cdk";
import { App, Stack } from "aws-cdk-lib";

const app = new App();
for (const stage of ["test", "prod"]) {
  const stack = new Stack(app, stage);
  new SmartTokenBroker(stack, "Broker", {
    stage,
    connections: ["acme", "acme-1"],
    prober: { connection: "acme" },
    callers: [{ name: `php-${stage}`, connections: ["acme"], keySha256: ["0".repeat(64)] }],
  });
}
