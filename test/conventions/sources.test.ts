import { describe, expect, test } from "vitest";
import { codeOf, type Source, sourcesBelow } from "./imports.ts";

/** Something that no code may hold, except in some files, with sources that must be caught. */
interface Ban {
  name: string;
  folders: string[];
  pattern: RegExp;
  except?: string[];
  planted: string[];
}

const core = "functions/auth-core";

const bans: Ban[] = [
  {
    name: "nobody grants a route with CDK's grantInvoke: it would grant every connection",
    folders: ["infra"],
    pattern: /\bgrantInvoke/,
    planted: ["route.grantInvoke(role);", 'route["grantInvoke"](role);'],
  },
  {
    name: "nobody sets undici's global dispatcher: node's own fetch would disagree with it, silently",
    folders: ["functions", "infra", "local"],
    pattern: /\bsetGlobalDispatcher\b/,
    planted: ["undici.setGlobalDispatcher(agent);", 'import { setGlobalDispatcher as set } from "undici"; set(a);'],
  },
  {
    name: "a secret is revealed only where it leaves the process or is digested",
    folders: ["functions"],
    pattern: /\breveal\b/,
    except: [
      `${core}/adapters/item-codec.ts`,
      `${core}/adapters/key-issuer.ts`,
      `${core}/adapters/jwt-verifier.ts`,
      `${core}/adapters/secrets-manager.ts`,
      `${core}/adapters/signed-headers.ts`,
      `${core}/adapters/smart-services.ts`,
      "functions/calls/edges/https-api.ts",
      // Look for the token in what the API answers, and report its hash.
      "functions/calls/edges/search.ts",
      "functions/calls/use-cases/make-call.ts",
      "functions/oauth/edges/handle-table.ts",
      "functions/oauth/edges/oauth-response.ts",
      "functions/oauth/rules/refresh-handle.ts",
      "functions/oauth/use-cases/authenticate.ts",
      `${core}/http/response.ts`,
      `${core}/rules/callers/caller-key.ts`,
      `${core}/rules/fingerprint.ts`,
      `${core}/rules/secret.ts`,
      `${core}/rules/tokens/token-set.ts`,
      `${core}/rules/upstream/upstream-request.ts`,
      // Tells a key from a JWT by its form; reads whose keys a JWT claims to be verified with.
      `${core}/use-cases/authenticate.ts`,
      // Puts an issued key into the secret.
      "functions/key-rotation/use-cases/create-secret.ts",
    ],
    planted: ["log(key.reveal());", 'key?.["reveal"]();', "const { reveal } = key;"],
  },
  {
    name: "rules and use cases are given time and chance, and take neither themselves",
    folders: [
      `${core}/rules`,
      `${core}/use-cases`,
      ...["calls", "key-rotation", "oauth", "status", "token", "token-rotation"].map((name) => `functions/${name}`),
    ],
    pattern:
      /\bDate\.now\b|\bnew Date\(\)|\bnew Date\b(?!\()|\bperformance\b|\bMath\.random\b|\brandomUUID\b|\bset(Timeout|Interval|Immediate)\b/,
    // Limits the time to connect: a socket has real time.
    except: [`${core}/rules/clock.ts`, "functions/calls/edges/https-api.ts"],
    planted: ["a(Date.now());", "a(new Date());", "a(new Date);", "f(Math.random);", "setTimeout(f, 1);"],
  },
  {
    name: "environment variables are read by the three functions for them alone",
    folders: ["functions", "infra"],
    // A program: the CDK passes it the region of a deployment.
    except: ["infra/app.ts"],
    pattern:
      /(?<!\bread(Settings|AwsAccess|TraceId)\()\bprocess\.env\b|\benv\b[^;]*\} = process\b|\bprocess\[|from "node:process"|\bgetenv\b/,
    planted: [
      "const stage = process.env.BROKER_STAGE;",
      'process["env"].BROKER_STAGE;',
      "const { env } = process;",
      'import { env } from "node:process";',
    ],
  },
  {
    name: "an operator reads every instant in UTC",
    folders: ["cli", "console", "dashboard", "local", "functions"],
    pattern:
      /\btoLocale(Time|Date)String\((?![^)]*timeZone: "UTC")|\bto(Date|Time)String\b|\bget(Hours|Minutes|Date|Day|Month|FullYear)\b/,
    planted: [
      'date.toLocaleTimeString("en-GB");',
      'date.toLocaleDateString("en-GB", { day: "numeric" });',
      "date.toDateString();",
      "date.getHours();",
    ],
  },
  {
    name: "no test waits for time to pass",
    folders: ["test", "fixtures"],
    pattern:
      /\bnew Promise\(\(?\w+\)? => (\{\s*)?setTimeout\(|\bsetTimeout\b[^;]*from "node:timers\/promises"|import\("node:timers\/promises"\)|\bAtomics\.wait\b/,
    except: [
      "test/conventions/sources.test.ts",
      // Tests a time-out of a worker thread, which a stepped clock cannot control.
      "test/local/lambda.test.ts",
      // Waits for a server that is not ours.
      "test/moto/server.ts",
      // Tests sockets that node and undici close by their own timers.
      "test/adapters/smart-services-sockets.test.ts",
    ],
    planted: [
      "await new Promise((resolve) => setTimeout(resolve, 10));",
      "await new Promise(done => { setTimeout(done, 10); });",
      'import { setTimeout as sleep } from "node:timers/promises";',
    ],
  },
];

const holders = (ban: Ban, sources: Source[]) =>
  sources.filter(({ text }) => ban.pattern.test(codeOf(text))).map(({ file }) => file);

describe.each(bans)("$name", (ban) => {
  test("anywhere", () => {
    const sources = sourcesBelow(...ban.folders);

    expect(holders(ban, sources).filter((file) => !ban.except?.includes(file))).toEqual([]);
    expect(sources).not.toHaveLength(0);
  });

  test("and every exception is one", () => {
    expect(holders(ban, sourcesBelow(...ban.folders))).toEqual(expect.arrayContaining(ban.except ?? []));
  });

  test.each(ban.planted)("and `%s` is caught", (text) => {
    expect(holders(ban, [{ file: "planted.ts", text }])).toEqual(["planted.ts"]);
  });
});

test("what is allowed is not caught, and neither is what a comment says", () => {
  const text = `
    // process.env, Date.now(), key.reveal(), grantInvoke, setGlobalDispatcher
    /* await new Promise((resolve) => setTimeout(resolve, 1)); */
    const settings = readSettings(process.env);
    const end = new Date(seconds * 1000).toISOString();
  `;

  expect(bans.filter((ban) => holders(ban, [{ file: "allowed.ts", text }]).length > 0)).toEqual([]);
});

test("a handler fits on one screen: 60 lines", () => {
  const handlers = sourcesBelow("functions").filter(({ file }) => file.endsWith("/handler.ts"));
  const tooLong = handlers.filter(({ text }) => text.trimEnd().split("\n").length > 60).map(({ file }) => file);

  expect(tooLong).toEqual([]);
  expect(handlers.map(({ file }) => file)).toContain("functions/token/handler.ts");
});
