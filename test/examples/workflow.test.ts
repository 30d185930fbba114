import { mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { output, type StartedCommand } from "../local/run-harness.ts";
import { hasPrograms } from "../support/programs.ts";
import { listen } from "../../fixtures/listen.ts";
import { pipelineJwt, startBroker, usedStatus } from "./broker.ts";
import { failsAtRedirect } from "./redirect.ts";

const file = join(import.meta.dirname, "..", "..", "examples/github-actions/smart-services.yml");
const isThere = hasPrograms("bash", "curl", "jq");

let run: StartedCommand;

beforeAll(async () => {
  run = await startBroker();
});
afterAll(() => run.remove());

/** The commands of a workflow's first step with `run: |`. */
function firstRun(workflow: string): string {
  const [, indent = "", rest = ""] = /^( *)run: \|\n([^]*)/m.exec(workflow) ?? [];
  const lines = rest.split("\n");
  const end = lines.findIndex((line) => line !== "" && !line.startsWith(`${indent}  `));
  return lines.slice(0, end < 0 ? undefined : end).join("\n");
}

/** Runs the step as a runner does: it returns the job's OIDC token for a request with its bearer token and an audience. */
async function runStep(jwt: string, host = run.url("ready")) {
  const requests: { url: string | undefined; authorization: string | undefined }[] = [];
  const runner = await listen(
    createServer((request, response) => {
      requests.push({ url: request.url, authorization: request.headers.authorization });
      response.end(JSON.stringify({ count: 1, value: jwt }));
    }),
  );
  onTestFinished(runner.close);
  const folder = mkdtempSync(join(tmpdir(), "workflow-"));
  const environmentFile = join(folder, "env");
  const log = await output("bash", ["-e", "-c", firstRun(readFileSync(file, "utf8"))], {
    SMART_SERVICES_HOST: host,
    ACTIONS_ID_TOKEN_REQUEST_URL: `${runner.url}/token?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: "fake-request-token",
    GITHUB_ENV: environmentFile,
  });
  return { requests, log, token: /^SMART_SERVICES_TOKEN=(.*)\n$/.exec(readFileSync(environmentFile, "utf8"))?.[1] };
}

it.skipIf(!isThere)("the workflow's own commands get a valid token with only the job's OIDC token", async () => {
  const { requests, log, token } = await runStep(await pipelineJwt(run));

  expect(await usedStatus(run, token)).toBe(200);
  expect(requests).toEqual([
    { url: "/token?api-version=2.0&audience=smart-token-broker", authorization: "bearer fake-request-token" },
  ]);
  // From here on the runner hides the masked value. The line is a command, which it does not print.
  expect(log).toBe(`::add-mask::${token}\n`);
});

it.skipIf(!isThere)("the step fails if the broker rejects the job's token", async () => {
  const ofNobody = (await pipelineJwt(run)).replace(/.{8}$/, "AAAAAAAA");

  await expect(runStep(ofNobody)).rejects.toThrow(/The broker answered 400\./);
});

it.skipIf(!isThere)("the step fails if the broker redirects it, and sends the other server nothing", async () => {
  await failsAtRedirect((host) => runStep("fake.jwt", host));
});
