import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { build } from "esbuild";
import { publint } from "publint";
import { beforeAll, describe, expect, test } from "vitest";
import { findProgram } from "../support/programs.ts";
import { isReport, startServer, startTokenServer } from "./servers.ts";

const root = join(import.meta.dirname, "../..");
const run = promisify(execFile);

/** An empty folder with the package, as `npm install` unpacks it, and nothing else. */
let folder: string;
let installed: string;
let tarball: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "client-package-"));
  installed = join(folder, "node_modules/@smart-token-broker/client");
  mkdirSync(installed, { recursive: true });
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", folder], {
    cwd: join(root, "packages/client"),
  });
  tarball = join(folder, stdout.trim().split("\n").at(-1) ?? "");
  await run("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"]);
});

test("The package passes publint and are-the-types-wrong", async () => {
  const { messages } = await publint({ pkgDir: installed, strict: true });
  const analysis = await checkPackage(createPackageFromTarballData(readFileSync(tarball)));

  expect(messages).toEqual([]);
  if (!analysis.types) throw new Error("The package has no types.");
  // It has ES modules alone: CommonJS loads them with `require` since Node 22.12, and old module resolution finds none.
  const kinds = analysis.problems.filter(
    (problem) => !("resolutionKind" in problem && problem.resolutionKind === "node10"),
  );
  expect([...new Set(kinds.map(({ kind }) => kind))]).toEqual(["CJSResolvesToESM"]);
});

test("The package is 5 KiB at most, minified and compressed, and imports nothing", async () => {
  const entry = join(installed, "build/index.js");
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "neutral",
    write: false,
    metafile: true,
  });
  const [bundle] = outputFiles;
  const bytes = gzipSync(bundle?.contents ?? "", { level: 9 }).length;

  expect(bytes).toBeLessThanOrEqual(5 * 1024);
  expect(Object.values(metafile.inputs).flatMap(({ imports }) => imports.filter(({ external }) => external))).toEqual(
    [],
  );
});

/** The program of a user: gets a 401, has the token replaced, and outlives the broker's end. */
const program = `
  import { callerKey, createClient } from "@smart-token-broker/client";
  const credential = callerKey("orders", "stb_fake-key");
  const client = createClient({ broker: BROKER, connection: "webapicorso", credential });
  const response = await client.fetch("/customers", { method: "POST", body: "fake-value" });
  const text = await response.text();
  const error = await createClient({ broker: "http://127.0.0.1:9", connection: "acme", credential }).token().catch((e) => e);
  console.log(JSON.stringify([response.status, text, error.code]));
`;

const runtimes: [string, string | undefined, string[]][] = [
  ["Node", process.execPath, []],
  ["Deno", findProgram("deno"), ["run", "--allow-net=127.0.0.1", "--node-modules-dir=manual"]],
  ["Bun", findProgram("bun"), []],
];

test("The installed proxy needs nothing but Node: it makes a call and ends", async () => {
  const api = await startServer(({ authorization }, response) => response.end(authorization));
  const broker = await startTokenServer(() => api.url);
  const socket = join(folder, "proxy.sock");
  const args = ["--broker", broker.url, "--connections", "acme", "--caller", "orders", "--socket", socket];
  const command = join(installed, "build/proxy.js");
  const child = spawn(process.execPath, [command, ...args], {
    cwd: folder,
    env: { SMART_SERVICES_PROXY_KEY: "stb_fake-key" },
  });
  const exit = once(child, "exit");
  await once(child.stdout, "data");

  const curl = await run("curl", ["-s", "--unix-socket", socket, "http://smart-services/acme/x"]);
  child.kill();

  expect([curl.stdout, (await exit)[0]]).toEqual(["Bearer fake-token-1", 0]);
  expect(readFileSync(join(installed, "build/LICENSE-valibot.md"), "utf8")).toContain("MIT");
});

describe.each(runtimes)("In %s", (_, command = "", args) => {
  const inFolder = (code: string) => {
    const file = join(folder, "program.mjs");
    writeFileSync(file, code);
    return run(command, [...args, file], { cwd: folder });
  };

  test.skipIf(!command)(
    "the package gets tokens, reports a rejected one, and sends none to another origin",
    async () => {
      const other = await startServer((_request, response) => response.end("other"));
      const api = await startServer(({ authorization }, response) => {
        if (authorization === "Bearer fake-token-2") response.writeHead(307, { location: `${other.url}/x` }).end();
        else response.writeHead(401).end();
      });
      const broker = await startTokenServer(() => api.url);

      const { stdout } = await inFolder(program.replace("BROKER", JSON.stringify(broker.url)));

      expect(JSON.parse(stdout)).toEqual([200, "other", "unreachable"]);
      expect(broker.received.map(isReport)).toEqual([false, true]);
      expect(api.received.map(({ authorization, body }) => [authorization, body])).toEqual([
        ["Bearer fake-token-1", "fake-value"],
        ["Bearer fake-token-2", "fake-value"],
      ]);
      expect(other.received.map(({ authorization, body }) => [authorization, body])).toEqual([
        [undefined, "fake-value"],
      ]);
    },
  );

  test.skipIf(!command)(
    "a request to the broker that fails beside a call ends no process, and a token keeps none alive",
    async () => {
      let requests = 0;
      const broker = await startTokenServer(
        () => "http://127.0.0.1:9",
        (_request, response) => {
          requests += 1;
          if (requests > 1) response.socket?.destroy();
          return requests > 1;
        },
      );
      const code = `
      import { callerKey, createClient } from "@smart-token-broker/client";
      const credential = callerKey("orders", "stb_fake-key");
      const onEvent = ({ kind, reason }) => console.log(kind, reason);
      const client = createClient({ broker: "${broker.url}", connection: "webapicorso", credential, onEvent });
      await client.token();
      // The clock steps forward, into the margin of the token.
      const now = Date.now;
      Date.now = () => now() + 2_500_000;
      console.log((await client.token()).accessToken);`;

      const { stdout } = await inFolder(code);

      expect(stdout).toBe("token missing\nfake-token-1\nfailure expiring\n");
      // The first token, and both attempts of the client. Deno's own fetch repeats one.
      expect([3, 4]).toContain(requests);
    },
  );
});

test("The example calls the business API with the installed package, and names a variable that is not set", async () => {
  const api = await startServer(({ path, authorization }, response) => response.end(`${path} ${authorization}`));
  const broker = await startTokenServer(() => api.url);
  const example = join(folder, "customers.mjs");
  copyFileSync(join(root, "examples/node/customers.mjs"), example);
  const env = { SMART_SERVICES_HOST: broker.url, SMART_SERVICES_CLIENT_ID: "orders" };
  const start = (more: Record<string, string>) => run(process.execPath, [example], { env: { ...env, ...more } });

  const { stdout } = await start({ SMART_SERVICES_CREDENTIAL: "stb_fake-key" });

  expect(stdout).toBe("/api/v1/fake-scope/CO/Customers Bearer fake-token-1\n");
  await expect(start({})).rejects.toMatchObject({ stderr: "SMART_SERVICES_CREDENTIAL is not set\n" });
});

test("The function of the CDK example calls the business API as its role, with the installed package", async () => {
  const api = await startServer(({ path, authorization }, response) =>
    response.end(JSON.stringify(`${path} ${authorization}`)),
  );
  const broker = await startTokenServer(() => api.url);
  copyFileSync(join(root, "examples/cdk-app/lambda/orders.ts"), join(folder, "orders.ts"));
  symlinkSync(join(root, "node_modules/@smithy"), join(folder, "node_modules/@smithy"));
  const code = 'const { handler } = await import("./orders.ts"); console.log(await handler());';
  const role = { AWS_REGION: "eu-south-1", AWS_ACCESS_KEY_ID: "FAKEKEY", AWS_SECRET_ACCESS_KEY: "fake-secret" };
  const invoke = (host: string) =>
    run(process.execPath, ["--input-type=module", "-e", code], {
      cwd: folder,
      env: { ...role, BROKER_URL: host, CONNECTION: "webapicorso" },
    });

  const { stdout } = await invoke(broker.url);

  expect(stdout).toBe("/api/v1/fake-scope/CO/Customers Bearer fake-token-1\n");
  expect(broker.received).toMatchObject([
    { path: "/v1/connections/webapicorso/token", authorization: expect.stringContaining("Credential=FAKEKEY/") },
  ]);
});

test("A bundle for Lambda needs neither the credential chain nor STS, and its error names the package that is missing", async () => {
  const broker = await startTokenServer(() => "http://127.0.0.1:9");
  const [entry, outfile] = [join(folder, "lambda.mjs"), join(folder, "lambda.cjs")];
  writeFileSync(
    entry,
    `import { createClient } from "@smart-token-broker/client";
     import { awsIdentity } from "@smart-token-broker/client/aws-identity";
     import { iam } from "@smart-token-broker/client/iam";
     const credential = process.env.BY_JWT ? awsIdentity() : iam();
     const client = createClient({ broker: "${broker.url}", connection: "acme", credential });
     client.token().then(({ accessToken }) => console.log(accessToken), ({ message }) => console.log(message));`,
  );
  const alias = { "@smithy/signature-v4": join(root, "node_modules/@smithy/signature-v4") };
  await build({ entryPoints: [entry], bundle: true, platform: "node", outfile, alias, logLevel: "silent" });
  const start = async (env: Record<string, string>) =>
    (await run(process.execPath, [outfile], { env: { AWS_REGION: "eu-south-1", ...env } })).stdout;

  expect(await start({ AWS_ACCESS_KEY_ID: "FAKEKEY", AWS_SECRET_ACCESS_KEY: "fake-secret" })).toBe("fake-token-1\n");
  expect(await start({})).toMatch(
    / no AWS credentials, and the package @aws-sdk\/credential-provider-node, .+ Install it/,
  );
  expect(await start({ BY_JWT: "yes" })).toContain("the package @aws-sdk/client-sts cannot be loaded. Install it");
});

test("The types of the package compile in an app that has only Node's types", async () => {
  const app = join(folder, "app.ts");
  writeFileSync(
    app,
    `import { BrokerError, callerKey, createClient, jwt, type ClientEvent } from "@smart-token-broker/client";
     import { iam } from "@smart-token-broker/client/iam";
     import { awsIdentity } from "@smart-token-broker/client/aws-identity";
     import { githubActions } from "@smart-token-broker/client/github-actions";
     import { kubernetes } from "@smart-token-broker/client/kubernetes";
     import { TestBroker } from "@smart-token-broker/client/testing";
     const events: ClientEvent[] = [];
     const client = createClient({
       broker: "https://broker.test", credential: callerKey("orders", process.env["KEY"]), onEvent: (event) => events.push(event),
     });
     const asFetch: typeof fetch = client.connection("acme").fetch;
     const expiry: Promise<Date> = client.token({ signal: AbortSignal.timeout(1) }).then(({ expiresAt }) => expiresAt);
     const role = awsIdentity({ region: "eu-south-1", audience: "x", duration: 60 });
     const own: Promise<string> = role.jwt();
     const credentials = [role, iam({ region: "eu-south-1" }), githubActions(), kubernetes("/x"), jwt(async () => "x")];
     // @ts-expect-error -- a key alone is no credential
     createClient({ broker: "https://broker.test", credential: "stb_fake-key" });
     export { asFetch, BrokerError, credentials, expiry, own, TestBroker };\n`,
  );
  const options = [
    "--noEmit",
    "--strict",
    "--module",
    "nodenext",
    "--target",
    "es2024",
    "--types",
    "node",
    "--skipLibCheck",
    "false",
  ];
  const typeRoots = ["--typeRoots", join(root, "node_modules/@types")];

  await expect(
    run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), ...options, ...typeRoots, app], {
      cwd: folder,
    }).catch(({ stdout }: { stdout: string }) => stdout),
  ).resolves.toMatchObject({ stdout: "" });
});
