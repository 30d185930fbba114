import { CloudWatchClient, type CloudWatchClientConfig } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";

/** The clients that the page of a deployment reads with. */
export const dashboardClients = (config: CloudWatchClientConfig) => ({
  metrics: new CloudWatchClient(config),
  logs: new CloudWatchLogsClient(config),
});
