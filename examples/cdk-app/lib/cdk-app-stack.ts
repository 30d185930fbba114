import { SmartTokenBroker } from "@smart-token-broker/cdk";
import * as cdk from "aws-cdk-lib/core";
import { Runtime } from "aws-cdk-lib/aws-lambda";
import { NodejsFunction } from "aws-cdk-lib/aws-lambda-nodejs";
import type { Construct } from "constructs";

/** A service with a broker of its own. */
export class CdkAppStack extends cdk.Stack {
  constructor(scope: Construct, id: string, props?: cdk.StackProps) {
    super(scope, id, props);

    const connection = "webapicorso";
    const broker = new SmartTokenBroker(this, "Broker", { stage: "shop", connections: [connection] });
    const orders = new NodejsFunction(this, "Orders", {
      entry: "lambda/orders.ts",
      runtime: Runtime.NODEJS_24_X,
      timeout: cdk.Duration.seconds(30),
      environment: { BROKER_URL: broker.url, CONNECTION: connection },
    });
    broker.grantToken(orders, connection);
  }
}
