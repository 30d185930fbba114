import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { serve } from "../support/server.ts";

const example = join(import.meta.dirname, "../../examples/app/serve.mjs");
const urls = { BROKER_URL: "https://broker.test", ISSUER_URL: "https://issuer.test" };

test.each(Object.keys(urls))("The server of the application says that %s is not set", (name) => {
  const { stderr, status } = spawnSync(process.execPath, [example], { env: { ...urls, [name]: "" }, encoding: "utf8" });

  expect([stderr, status]).toEqual([`${name} is not set\n`, 1]);
});

test("The server of the application says how to use another port if its port is in use", async () => {
  const { port } = new URL(await serve((_, response) => response.end()));

  const { stderr, status } = spawnSync(process.execPath, [example], { env: { ...urls, PORT: port }, encoding: "utf8" });

  expect(stderr).toMatch(/^Port \d+ is in use\. Set PORT to another, .* --origin /);
  expect(status).toBe(1);
});
