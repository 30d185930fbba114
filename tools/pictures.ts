import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { type Browser, chromium, type Page } from "playwright-core";
import { signedGet } from "../local/callers/callers.ts";
import { type LocalRun, startLocalRun } from "../local/run.ts";

// Makes docs/images/dashboard-*.png of a local run: npm run pictures. It takes about four minutes, because the pictures
// show a past that has happened. CHROMIUM names the browser.
const folder = join(import.meta.dirname, "../docs/images");
const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
/** Seconds of work before the first picture, and until attempts have failed. */
const [before, failing] = [150, 25];

/** Smart Services of one connection: forwards to the simulator, or answers with an error. */
async function startUpstream() {
  const state: { target: string; error?: number } = { target: "" };
  const server = createServer((request, response) => {
    const forward = async () => {
      const body = await buffer(request);
      if (state.error !== undefined) return response.writeHead(state.error).end();
      const { host: _, connection: __, "content-length": ___, ...headers } = request.headers as Record<string, string>;
      const answer = await fetch(state.target + request.url, { method: "POST", headers, body });
      const type = answer.headers.get("content-type") ?? "application/json";
      return response.writeHead(answer.status, { "content-type": type }).end(await answer.text());
    };
    forward().catch(() => response.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { state, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

const registration = (id: string, baseUrl?: string) => ({
  username: `admin_${id}`,
  scope: `${id}_aly${id}`,
  apiKey: `fake-key-of-${id}`,
  ...(baseUrl !== undefined && { baseUrl }),
});

const [acme, beta] = [await startUpstream(), await startUpstream()];
const connections = {
  "acme-prod": registration("acme-prod", acme.url),
  beta: registration("beta", beta.url),
  "delta-test": registration("delta-test"),
  gamma: registration("gamma"),
  webapicorso: registration("webapicorso"),
};
const running = await startLocalRun({ port: 8787, tick: 1, connections, profile: { lifetime: 100 } }, () => undefined);
acme.state.target = beta.state.target = running.simulator.url;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const stopTraffic = startTraffic(running);
try {
  await takePictures(browser, running);
} finally {
  stopTraffic();
  await browser.close();
  await running.close();
  for (const upstream of [acme, beta]) upstream.close();
}
process.exit(0);

async function takePictures(of: Browser, { url }: LocalRun): Promise<void> {
  const open = async (options: Parameters<Browser["newPage"]>[0]) => {
    const page = await of.newPage(options);
    await page.goto(url);
    await page.locator("#connections .bar").first().waitFor();
    return page;
  };
  const desktop = { viewport: { width: 1280, height: 800 } };
  const light = await open({ ...desktop, colorScheme: "light" });
  const dark = await open({ ...desktop, colorScheme: "dark" });
  const phone = await open({ viewport: { width: 400, height: 1300 } });

  await wait(before * 1000);
  await picture(light, "fresh");
  acme.state.error = 503;
  beta.state.error = 401;
  for (const connection of ["acme-prod", "beta"]) {
    await light.locator("#connections button", { hasText: connection }).click();
    await light.getByRole("button", { name: "Replace now" }).click();
  }
  await wait(failing * 1000);
  await light.locator("#connections button", { hasText: "acme-prod" }).click();
  await dark.locator("#connections button", { hasText: "acme-prod" }).click();
  await picture(light, "light");
  await picture(dark, "dark");
  await picture(phone, "phone");
  delete acme.state.error;
  delete beta.state.error;
  await light.getByRole("button", { name: "ok", exact: true }).click();
  await light.locator("#connections button", { hasText: "gamma" }).click();
  await light.getByRole("button", { name: "Rotate key" }).click();
  await wait(5000);
  await picture(light, "rotated");
  await light.getByRole("button", { name: "outage", exact: true }).click();
  await wait(failing * 1000);
  await picture(light, "outage");
}

async function picture(page: Page, name: string): Promise<void> {
  await page.evaluate("scrollTo(0, 0)");
  await page.locator("#message").evaluate((message: { textContent: string }) => void (message.textContent = ""));
  await page.screenshot({ path: join(folder, `dashboard-${name}.png`) });
}

/** Requests tokens about ten times a second, as callers do. Returns a function that ends it. */
function startTraffic({ url, region, callers }: LocalRun): () => void {
  const ids = Object.keys(connections);
  const [orders] = callers;
  let sent = 0;
  const timer = setInterval(() => {
    const id = ids[(sent += 1) % ids.length];
    if (orders) signedGet(new URL(`${url}/v1/connections/${id}/token`), orders, region).catch(() => undefined);
  }, 100);
  return () => clearInterval(timer);
}
