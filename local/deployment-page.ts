import type { IncomingMessage, ServerResponse } from "node:http";
import type { Deployment } from "./assembly/deployment.ts";
import { isFromPage } from "../console/loopback-guard.ts";
import { answerJson } from "../console/loopback-server.ts";
import { deployedSetting } from "./operator.ts";

/**
 * Answers `GET /_local/deployment`: the command line finds a local run with it. The answer has what the stack outputs
 * have on AWS, and the URLs of the embedded parts. It holds no secret, and no page can read it. Returns whether the
 * request was for this path.
 */
export function deploymentPage(
  deployment: Deployment,
  place: { region: string; accountId: string },
  local: { dynamodb: string; secretsmanager: string; simulator: string },
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const { api, keyRotation } = deployment;
  const described = {
    stage: deployedSetting(deployment, "stage"),
    ...place,
    partition: "aws",
    apiId: api.id,
    tableName: deployedSetting(deployment, "tableName"),
    secretPrefix: deployedSetting(deployment, "secretPrefix"),
    keyRotationFunctionArn: keyRotation.functionArn,
    rotateApiKeysEveryDays: Number(deployedSetting(deployment, "rotateKeysEveryDays")),
    corsOrigins: api.cors?.allowOrigins ?? [],
    local,
  };
  return (request, response) => {
    const port = request.socket.localPort;
    if (request.method !== "GET" || request.url !== "/_local/deployment" || port === undefined) return false;
    if (isFromPage(request.headers)) answerJson(response, 403, { message: "Forbidden" });
    else answerJson(response, 200, { ...described, url: `http://127.0.0.1:${port}` });
    return true;
  };
}
