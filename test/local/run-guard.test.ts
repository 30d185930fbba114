import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { samplePortalOrigin } from "../../local/callers/sample-callers.ts";
import { StartedCommand } from "./run-harness.ts";

const words = ["ready", "dynamodb", "secretsmanager", "eventbridge", "simulator", "issuer"];
const evil = "evil.test";

let run: StartedCommand;
/** Address and port of each listening socket, in hexadecimal, as Linux writes them; empty elsewhere. */
let listening: string[];
let ports: number[];

beforeAll(async () => {
  run = new StartedCommand(["--port", "0", "--allow-host", "Broker.Test", "--allow-host", "[fd00::1]"]);
  await run.ready();
  listening = process.platform === "linux" ? listeners(run.child.pid ?? 0) : [];
  ports = listening.length > 0 ? listening.map((at) => Number.parseInt(at.split(":")[1] ?? "", 16)) : words.map(portOf);
});
afterAll(() => run.remove());

/** The sockets on which a process listens, as Linux knows them: so a server that nobody has listed is tested too. */
function listeners(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  const targetOf = (fd: string) => {
    try {
      return readlinkSync(join(folder, fd));
    } catch {
      // Closed meanwhile.
      return "";
    }
  };
  const opened = new Set(readdirSync(folder).map(targetOf));
  const lines = ["tcp", "tcp6"].flatMap((table) => readFileSync(`/proc/${pid}/net/${table}`, "utf8").split("\n"));
  return lines.flatMap((line) => {
    const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    const isListening = state === "0A" && opened.has(`socket:[${inode}]`);
    return isListening ? [local] : [];
  });
}

const portOf = (word: string) => Number(new URL(run.url(word)).port);

interface Answer {
  port: number;
  status: number;
  head: string;
  body: string;
}

/** Sends a request as written; `PORT` is the port of the server. */
async function send(port: number, lines: string[], body = ""): Promise<Answer> {
  const socket = connect(port, "127.0.0.1");
  const length = body === "" ? [] : [`Content-Length: ${body.length}`];
  socket.write([...lines, ...length, "Connection: close", "", body].join("\r\n").replaceAll("PORT", String(port)));
  const [head = "", answered = ""] = (await text(socket)).split("\r\n\r\n");
  return { port, status: Number(head.split(" ")[1]), head, body: answered };
}

const everywhere = (lines: string[], body?: string, at = ports) =>
  Promise.all(at.map((port) => send(port, lines, body)));
const statuses = (answers: Answer[]) => answers.map(({ port, status }) => [port, status]);
const all = (status: number, at = ports) => at.map((port) => [port, status]);
const preflight = ["Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-amz-target"];

describe("every port on which the local run listens", () => {
  it.skipIf(process.platform !== "linux")("is a printed one, on loopback only", () => {
    expect(new Set(ports)).toEqual(new Set(words.map(portOf)));
    expect(listening.map((at) => at.split(":")[0])).toEqual(ports.map(() => "0100007F"));
  });

  it.each<[string, number, string[]]>([
    ["another name", 403, ["GET / HTTP/1.1", `Host: ${evil}`]],
    ["a name that starts like a loopback name", 403, ["GET / HTTP/1.1", `Host: 127.0.0.1.${evil}:PORT`]],
    ["a name that ends like an allowed one", 403, ["GET / HTTP/1.1", "Host: evil-broker.test:PORT"]],
    ["a name below localhost", 403, ["GET / HTTP/1.1", "Host: evil.localhost:PORT"]],
    ["a loopback name with a dot at its end", 403, ["GET / HTTP/1.1", "Host: localhost.:PORT"]],
    ["the address that means every address", 403, ["GET / HTTP/1.1", "Host: 0.0.0.0:PORT"]],
    ["another port", 403, ["GET / HTTP/1.1", "Host: 127.0.0.1:1"]],
    ["no port, which means 80", 403, ["GET / HTTP/1.1", "Host: 127.0.0.1"]],
    ["a user name before a loopback name", 403, ["GET / HTTP/1.1", "Host: evil.test@127.0.0.1:PORT"]],
    ["nothing", 403, ["GET / HTTP/1.1", "Host:"]],
    ["a list", 403, ["GET / HTTP/1.1", `Host: 127.0.0.1:PORT, ${evil}`]],
    ["a foreign Host first", 400, ["GET / HTTP/1.1", `Host: ${evil}`, "Host: 127.0.0.1:PORT"]],
    ["a foreign Host second", 400, ["GET / HTTP/1.1", "Host: 127.0.0.1:PORT", `Host: ${evil}`]],
    ["no Host", 400, ["GET / HTTP/1.1"]],
    ["a foreign target and the own Host", 403, [`GET http://${evil}/ HTTP/1.1`, "Host: 127.0.0.1:PORT"]],
    ["the own target and a foreign Host", 403, ["GET http://127.0.0.1:PORT/ HTTP/1.1", `Host: ${evil}`]],
    ["a foreign https target", 403, [`GET https://${evil}:PORT/ HTTP/1.1`, "Host: 127.0.0.1:PORT"]],
    ["a request about the server itself", 403, ["OPTIONS * HTTP/1.1", `Host: ${evil}:PORT`]],
    ["a preflight", 403, ["OPTIONS / HTTP/1.1", `Host: ${evil}:PORT`, `Origin: http://${evil}:PORT`, ...preflight]],
  ])("rejects a foreign Host: %s", async (_, status, lines) => {
    const answers = await everywhere(lines);

    expect(statuses(answers)).toEqual(all(status));
    expect(answers.map(({ head }) => head).join("\n")).not.toMatch(/access-control/i);
  });

  it("says how to allow the name", async () => {
    const answers = await everywhere(["GET / HTTP/1.1", `Host: ${evil}`]);

    for (const { port, body } of answers) {
      expect(body).toContain(
        `{"message":"The Host of the request is not a name of the local run, which rejects it. Use http://127.0.0.1:${port}, or start the local run with --allow-host NAME."}`,
      );
    }
  });

  it.each([
    "127.0.0.1:PORT",
    "localhost:PORT",
    "LocalHost:PORT",
    "[::1]:PORT",
    "broker.test",
    "BROKER.TEST:443",
    "[fd00::1]:PORT",
  ])("accepts a loopback name with the own port, and an allowed name: %s", async (host) => {
    const answers = await everywhere(["GET /unknown HTTP/1.1", `Host: ${host}`]);

    expect(answers.map(({ status }) => status)).not.toContain(403);
    expect(answers.map(({ body }) => body).join("")).not.toContain("--allow-host");
  });

  it("accepts its own absolute target", async () => {
    const answers = await everywhere(["GET http://localhost:PORT/unknown HTTP/1.1", "Host: 127.0.0.1:PORT"]);

    expect(answers.map(({ status }) => status)).not.toContain(403);
  });
});

describe("every port except the gateway's and the issuer's", () => {
  const withoutPages = () => ports.filter((port) => port !== portOf("ready") && port !== portOf("issuer"));
  const host = "Host: 127.0.0.1:PORT";

  it.each<[string, string[]]>([
    [
      "a simple POST from another site",
      ["POST / HTTP/1.1", host, "Origin: https://evil.test", "Content-Type: text/plain"],
    ],
    ["a POST from another port of this machine", ["POST / HTTP/1.1", host, "Origin: http://127.0.0.1:1"]],
    ["a POST with the own origin: it serves no page", ["POST / HTTP/1.1", host, "Origin: http://127.0.0.1:PORT"]],
    ["a POST of a sandbox or a file", ["POST / HTTP/1.1", host, "Origin: null"]],
    ["a POST to the simulator's switches", ["POST /_simulator HTTP/1.1", host, "Origin: https://evil.test"]],
    ["a preflight", ["OPTIONS / HTTP/1.1", host, "Origin: http://127.0.0.1:1", ...preflight]],
    ["a GET with an Origin", ["GET / HTTP/1.1", host, "Origin: http://127.0.0.1:1"]],
    ["an image of a page of another site", ["GET / HTTP/1.1", host, "Sec-Fetch-Site: cross-site"]],
    ["an image of a page of this machine", ["GET / HTTP/1.1", host, "Sec-Fetch-Site: same-site"]],
  ])("rejects pages, and has no CORS header: %s", async (_, lines) => {
    const answers = await everywhere(lines, undefined, withoutPages());

    expect(statuses(answers)).toEqual(all(403, withoutPages()));
    expect(answers.map(({ head }) => head).join("\n")).not.toMatch(/access-control/i);
  });

  it("answers a person who types its address", async () => {
    const lines = ["GET /_simulator HTTP/1.1", host, "Sec-Fetch-Site: none"];

    expect(statuses(await everywhere(lines, undefined, [portOf("simulator")]))).toEqual(
      all(200, [portOf("simulator")]),
    );
  });
});

describe("the gateway", () => {
  const gateway = (lines: string[]) => send(portOf("ready"), [...lines, "Host: 127.0.0.1:PORT"]);

  it("treats an Origin as the deployed one does: CORS headers for the listed origins only", async () => {
    const listed = await gateway(["OPTIONS /oauth/token HTTP/1.1", `Origin: ${samplePortalOrigin}`, ...preflight]);
    const foreign = await gateway(["OPTIONS /oauth/token HTTP/1.1", "Origin: http://127.0.0.1:1", ...preflight]);

    expect(listed.head).toContain(`access-control-allow-origin: ${samplePortalOrigin}`);
    expect(foreign.head).not.toMatch(/access-control/i);
  });

  it.each([
    ["GET", "/"],
    ["GET", "/_dashboard/data"],
    ["GET", "/_local/deployment"],
    ["POST", "/_dashboard/scenario"],
    ["POST", "/_dashboard/token"],
    ["POST", "/_dashboard/rotation"],
  ])("rejects pages of other origins at its own page, also listed ones: %s %s", async (method, path) => {
    const answers = await Promise.all(
      [samplePortalOrigin, "https://evil.test", "null"].map((origin) =>
        gateway([`${method} ${path} HTTP/1.1`, `Origin: ${origin}`]),
      ),
    );

    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
    expect(answers[1]?.head).not.toMatch(/access-control/i);
  });

  it.each(["/_local/logs", "/_local/deployment"])(
    "keeps %s from every page, also as a script or a link",
    async (path) => {
      const page = await Promise.all(
        ["Origin: http://127.0.0.1:PORT", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"].map((line) =>
          gateway([`GET ${path} HTTP/1.1`, line]),
        ),
      );
      const program = await gateway([`GET ${path} HTTP/1.1`]);

      expect([...page, program].map(({ status }) => status)).toEqual([403, 403, 403, 200]);
      expect(program.head).toMatch(/^x-content-type-options: nosniff$/im);
    },
  );

  it("serves its page to a tunnel with an allowed name, also with TLS", async () => {
    const post = (origin: string) =>
      send(
        portOf("ready"),
        ["POST /_dashboard/scenario HTTP/1.1", "Host: broker.test", `Origin: ${origin}`],
        JSON.stringify({ scenario: "ok" }),
      );

    expect((await post("http://broker.test")).status).toBe(200);
    expect((await post("https://broker.test")).status).toBe(200);
    expect((await post("https://evil.test")).status).toBe(403);
  });
});

it("pages of every origin reach the issuer: examples/app signs in with it", async () => {
  const answers = await Promise.all(
    ["/.well-known/openid-configuration", "/jwks"].map((path) =>
      send(portOf("issuer"), [`GET ${path} HTTP/1.1`, "Host: 127.0.0.1:PORT", "Origin: http://127.0.0.1:1"]),
    ),
  );

  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  for (const { head } of answers) expect(head).toMatch(/^access-control-allow-origin: \*$/im);
});
