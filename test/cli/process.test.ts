import { afterAll, beforeAll, expect, test } from "vitest";
import { broker, brokerProcess, LocalBroker } from "./harness.ts";

// The other tests run commands inside their own process, which cannot show that a command ends by itself.
const local = new LocalBroker();
beforeAll(() => local.start());
afterAll(() => local.remove());

test.each<[string[]]>([
  [["--help"]],
  [["conections"]],
  [["callers", "list"]],
  [["connections", "list"]],
  [["connections", "show", "webapicorso"]],
  [["connections", "show", "nobody"]],
  [["connections", "set", "webapicorso", "--language", "it-IT"]],
  [["connections", "remove", "webapicorso"]],
  [["keys", "status", "webapicorso"]],
  [["keys", "stage", "webapicorso", "--key-file", "-"]],
  [["token", "get", "webapicorso"]],
  [["token", "reject", "webapicorso", "--token-file", "-"]],
  [["status", "--json"]],
  [["doctor"]],
])("a process of broker %j ends, and says what the same command says here", async (args) => {
  const given = [...args, ...local.options];
  const ended = await brokerProcess(given, { stdin: "fake-secret-1" });

  const { status, stdout, stderr } = await broker(given, { stdin: "fake-secret-1" });

  expect(ended).toMatchObject({ status, stderr });
  expect(ended.stdout.replaceAll(/\d+/g, "0")).toBe(stdout.replaceAll(/\d+/g, "0"));
});
