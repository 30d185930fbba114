#!/usr/bin/env node
import { request } from "node:http";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { credentialOf } from "./proxy/credential.ts";
import { addressOf, listen } from "./proxy/listen.ts";
import { logTo } from "./proxy/report.ts";
import { proxyOf } from "./proxy/server.ts";
import {
  openFiles,
  options,
  optionsHelp,
  type ProxySettings,
  readSettings,
  readText,
  SettingsError,
} from "./proxy/settings.ts";
import { systemRuntime } from "./runtime.ts";

const help = `smart-services-proxy [check] [options]

Sends requests of this machine on to Smart Services, with tokens of Smart Token Broker.
check asks a running proxy, with the same options, whether it is ready: exit status 0 or 1.

  --config FILE   JSON with the settings below, and with calls. Options win.
${optionsHelp()}  --help          Show this text.
`;

try {
  await main(process.argv.slice(2));
} catch (error) {
  // A failed system call, too, is no bug: its message names the file.
  if (!(error instanceof SettingsError || (error instanceof Error && "syscall" in error))) throw error;
  process.stderr.write(`smart-services-proxy: ${error.message}\n`);
  process.exitCode = 1;
}

async function main(argv: string[]): Promise<void> {
  const { values, positionals } = parse(argv);
  if (values.help) return void process.stdout.write(help);
  const [command, ...others] = positionals;
  if ((command !== undefined && command !== "check") || others.length > 0) {
    throw new SettingsError(
      `The argument ${(others[0] ?? command)?.slice(0, 24)} is unknown. The only command is check.`,
    );
  }
  const { config: path } = values;
  const file = typeof path === "string" ? { path, content: readText("config", path) } : undefined;
  const settings = readSettings(values, file);
  if (command === "check") await check(settings);
  else await run(settings);
}

function parse(argv: string[]) {
  try {
    const known = { ...options, config: { type: "string" }, help: { type: "boolean" } } as const;
    return parseArgs({ args: argv, options: known, allowPositionals: true });
  } catch (error) {
    throw new SettingsError(`${(error as Error).message.split(/\.\s/)[0]}. See --help.`);
  }
}

/** @throws SettingsError if it is too short to be a secret */
function readSecret(path: string): string {
  const secret = readText("secretFile", path).trim();
  if (secret.length >= 32) return secret;
  throw new SettingsError(
    `secretFile: the secret in ${path} has fewer than 32 characters. Create one: (umask 027; openssl rand -hex 32 > ${path})`,
  );
}

async function run(settings: ProxySettings): Promise<void> {
  // Most of what a call allocates is garbage when it ends. V8 would let the space for it grow by 130 MB under load.
  setFlagsFromString("--semi-space-growth-factor=1");
  const { secretFile } = settings;
  // The reader of the log may end: calls go on.
  process.stdout.on("error", () => undefined);
  const log = logTo((text) => process.stdout.write(text));
  const warn = (text: string) => process.stderr.write(`smart-services-proxy: ${text}\n`);
  const proxy = proxyOf({
    settings,
    credential: credentialOf(settings, process.env),
    runtime: systemRuntime,
    log,
    warn,
    readSecret: secretFile === undefined ? undefined : () => readSecret(secretFile),
  });
  for (const text of openFiles(settings)) warn(text);
  const { address, warning } = await listen(proxy.server, settings);
  if (warning !== undefined) warn(warning);
  process.stdout.write(`ready ${address}\n`);
  proxy.start();
  const signals = ["SIGTERM", "SIGINT"];
  const stop = () => {
    // A second signal ends the process.
    for (const signal of signals) process.off(signal, stop);
    // A request to the broker may be open, for a token that nobody needs any more.
    void proxy.stop().then(() => process.exit());
  };
  for (const signal of signals) process.on(signal, stop);
}

/** Asks a running proxy whether it has a token of each connection. */
async function check(settings: ProxySettings): Promise<void> {
  const { secretFile } = settings;
  const headers = {
    host: "localhost",
    ...(secretFile !== undefined && { authorization: `Bearer ${readSecret(secretFile)}` }),
  };
  const asked = request({ ...addressOf(settings), path: "/readyz", headers, timeout: 5000 });
  asked.once("timeout", () => asked.destroy(new Error("no answer within 5 s")));
  const answer = new Promise<string>((resolve, reject) => {
    asked.once("error", reject).once("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece) => (text += piece));
      response.once("end", () => (response.statusCode === 200 ? resolve("ready") : reject(new Error(text.trim()))));
    });
    asked.end();
  });
  try {
    process.stdout.write(`${await answer}\n`);
  } catch (error) {
    const { code = "", message } = error as Error & { code?: string };
    const isDown = code === "ENOENT" || code === "ECONNREFUSED";
    throw new SettingsError(
      isDown
        ? `No proxy listens on ${settings.socket ?? settings.listen}: start it, or correct the setting.`
        : `The proxy is not ready: ${message}.`,
    );
  }
}
