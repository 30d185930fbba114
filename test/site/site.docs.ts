import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startBrowser } from "../browser/chromium.ts";
import { output } from "../local/run-harness.ts";
import { listen } from "../../fixtures/listen.ts";

const root = join(import.meta.dirname, "../..");
const base = "/smart-token-broker/";
const types: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

let server: Awaited<ReturnType<typeof listen>>;
let browser: Browser;
let page: Page;
const foreign: string[] = [];

beforeAll(async () => {
  // npm needs its own settings, like a proxy, if the generator is not installed.
  const env = process.env as Record<string, string>;
  await output(process.execPath, [join(root, "site/build.ts"), "--base", base], env);
  server = await listen(
    createServer(({ url = "" }, response) => {
      const path = decodeURIComponent(new URL(url, "http://site.test").pathname).slice(base.length);
      try {
        const file = readFileSync(join(root, "build/docs", path.replace(/(^|\/)$/, "$1index.html")));
        response.writeHead(200, { "content-type": types[extname(path || ".html")] ?? "" }).end(file);
      } catch {
        response.writeHead(404).end();
      }
    }),
  );
  browser = await startBrowser();
  page = await browser.newPage();
  page.on("request", (request) => {
    if (!request.url().startsWith(server.url)) foreign.push(request.url());
  });
  await page.goto(server.url + base);
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

it("The site opens with the README, and has every page of docs/README.md in its sidebar", async () => {
  const listed = [...readFileSync(join(root, "docs/README.md"), "utf8").matchAll(/^\| \[[^\]]*\]\((\S+\.md)\)/gm)];

  const links = await page.locator(".VPSidebar a").evaluateAll((all) => all.map((each) => each.getAttribute("href")));

  expect(await page.locator("h1").innerText()).toMatch(/^Smart Token Broker/);
  expect(listed.length).toBeGreaterThan(25);
  for (const [, link = ""] of listed) {
    const { pathname } = new URL(
      link.replace(/README\.md$/, "").replace(/\.md$/, ".html"),
      `http://site.test${base}docs/`,
    );
    expect(links).toContain(pathname);
  }
});

it("The site's search finds a field by its name, and opens the section that explains it", async () => {
  await page.locator(".DocSearch-Button").click();
  await page.locator("#localsearch-input").fill("rejected_token_sha256");
  await page.locator(".result", { hasText: "Get a token" }).first().click();

  await page.waitForURL("**/connections.html#get-a-token");
  expect(await page.locator("#get-a-token").isVisible()).toBe(true);
});

it("The site requests nothing from other servers", () => {
  expect(foreign).toEqual([]);
});
