#!/usr/bin/env node
import * as cdk from "aws-cdk-lib/core";
import { CdkAppStack } from "../lib/cdk-app-stack";

const app = new cdk.App();
new CdkAppStack(app, "CdkAppStack", {
  // A construct cannot set it: the broker's table, key and secrets are in this stack.
  terminationProtection: true,
});
