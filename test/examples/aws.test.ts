import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { orders, output, region, type StartedCommand } from "../local/run-harness.ts";
import { hasPrograms } from "../support/programs.ts";
import { serve } from "../support/server.ts";
import { startBroker, usedStatus } from "./broker.ts";
import { failsAtRedirect } from "./redirect.ts";

const folder = join(import.meta.dirname, "..", "..", "examples");
const usual = {
  AWS_REGION: region,
  AWS_ACCESS_KEY_ID: orders.accessKeyId,
  AWS_SECRET_ACCESS_KEY: orders.secretAccessKey,
};

/** The standard error of a program that failed. */
async function complaint(program: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const failed: unknown = await output(program, args, env).then(
    () => undefined,
    (error: unknown) => error,
  );
  return (failed as { stderr?: string } | undefined)?.stderr ?? "it did not fail";
}

const node = ["Node", process.execPath, [join(folder, "aws/token.mjs")]] as const;
const curl = ["curl", join(folder, "aws/token.sh"), []] as const;
const programs = hasPrograms("curl") ? [node, curl] : [node];

let run: StartedCommand;

beforeAll(async () => {
  run = await startBroker();
});
afterAll(() => run.remove());

describe.each(programs)("the example of a service on AWS with %s", (_, program, args) => {
  const ask = (env: Record<string, string> = {}) =>
    output(program, [...args], { SMART_SERVICES_HOST: run.url("ready"), ...usual, ...env });
  const refused = (env: Record<string, string>) =>
    complaint(program, [...args], { SMART_SERVICES_HOST: run.url("ready"), ...usual, ...env });

  // The gateway rejects a header of AWS's that is not signed.
  it.each([
    ["a role's, with a session token", { AWS_SESSION_TOKEN: "fake+session/token==" }],
    ["a user's, without one", {}],
  ])("gets a valid token with credentials that are %s", async (__, env) => {
    const { access_token: token, ...answer } = JSON.parse(await ask(env)) as Record<string, unknown>;

    expect(answer).toMatchObject({ token_type: "Bearer", generation: expect.any(Number) });
    expect(await usedStatus(run, token)).toBe(200);
  });

  it("sends the session token", async () => {
    const sent: unknown[] = [];
    const url = await serve(({ headers }, response) => {
      sent.push(headers["x-amz-security-token"], /SignedHeaders=[^,]*/.exec(headers.authorization ?? "")?.[0]);
      response.end("{}");
    });

    await ask({ SMART_SERVICES_HOST: url, AWS_SESSION_TOKEN: "fake-session-token" });

    expect(sent).toEqual(["fake-session-token", expect.stringMatching(/=host;(?:.*;)?x-amz-security-token$/)]);
  });

  it("fails if the broker redirects it, and sends the other server nothing", async () => {
    await failsAtRedirect((host) => ask({ SMART_SERVICES_HOST: host, AWS_SESSION_TOKEN: "fake-session-token" }));
  });

  it("fails with a message if the role has no permission or the connection is unknown", async () => {
    await expect(ask({ AWS_SECRET_ACCESS_KEY: "fake-wrong-secret" })).rejects.toThrow();
    await expect(ask({ SMART_SERVICES_CONNECTION: "nobody" })).rejects.toThrow();
  });

  it.each(["SMART_SERVICES_HOST", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])(
    "says in one line that %s is not set",
    async (name) => {
      expect(await refused({ [name]: "" })).toMatch(new RegExp(`^[^\\n]*${name}:? is not set[^\\n]*\\n$`));
    },
  );
});

describe("the error of an example", () => {
  const host = { SMART_SERVICES_HOST: "http://127.0.0.1:1" };

  it.each([
    ["SMART_SERVICES_HOST", {}],
    ["SMART_SERVICES_CREDENTIAL", host],
  ])("of the vendor's wire with Node is which variable is missing: %s", async (name, env) => {
    expect(await complaint(process.execPath, [join(folder, "node-axios/token.mjs")], env)).toBe(`${name} is not set\n`);
  });
});
