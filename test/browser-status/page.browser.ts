import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { DashboardData } from "../../dashboard/contract.ts";
import { serveDashboard } from "../../dashboard/serve.ts";
import { startBrowser } from "../browser/chromium.ts";
import { StartedCommand } from "../local/run-harness.ts";
import { serve } from "../support/server.ts";

let run: StartedCommand;
let browser: Browser;
let page: Page;
const faults: string[] = [];

beforeAll(async () => {
  // A minute of every schedule lasts half a second, so that a sweep is never far.
  run = new StartedCommand(["--port", "0", "--tick", "0.5"]);
  await run.ready();
  browser = await startBrowser();
});
afterAll(async () => {
  await browser?.close();
  await run?.remove();
});
beforeEach(async () => {
  page = await open();
});

/** The page in its own window. Records every error of the page. */
async function open(options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> {
  const context: BrowserContext = await browser.newContext({ viewport: { width: 1280, height: 760 }, ...options });
  onTestFinished(() => context.close());
  const opened = await context.newPage();
  faults.length = 0;
  opened.on("pageerror", (error) => faults.push(String(error)));
  opened.on("console", (message) => void (message.type() === "error" && faults.push(message.text())));
  await opened.goto(run.url("ready"));
  await row(opened).waitFor();
  return opened;
}

const row = (of = page) => of.locator("#connections li", { hasText: "webapicorso" });
const inspector = () => page.locator("#inspector");
const state = (word: string) => row().locator(".badge", { hasText: new RegExp(`^${word}$`) });
const press = (name: string) => page.getByRole("button", { name, exact: true }).click();
const events = () => page.locator("#events li");

/** The generation that the inspector shows, once it is greater than another. */
async function generation(before = 0): Promise<number> {
  const read = async () => Number(/generation (\d+)/.exec((await inspector().textContent()) ?? "")?.[1]);
  let shown = Number.NaN;
  await expect.poll(async () => (shown = await read()), { timeout: 15_000 }).toBeGreaterThan(before);
  return shown;
}

describe("the page of the local run in a browser", () => {
  it("shows a connection with its state, its lane, and all that is known of it", async () => {
    await state("fresh").waitFor();

    await expect(row().textContent()).resolves.toMatch(
      /Callers are served until (\d+ \w+, )?\d\d:\d\dZ\. Next: replacement by/,
    );
    const lane = row().getByRole("img", { name: /^Last 10 min: 1 token, 0 failed attempts, the token ends at/ });
    await lane.waitFor();
    expect(await lane.locator(".bar.current.fresh").count()).toBe(1);
    await expect(inspector().textContent()).resolves.toMatch(
      /HTTP 200 with a token.*generation \d+, (59|60) min left|1 hour left.*30 days left/s,
    );
    await expect(inspector().textContent()).resolves.toMatch(/Next key rotation ?in \d+ (min|hours|days)/);
    expect(faults).toEqual([]);
  });

  it("counts the requests of the inspected connection, by source", async () => {
    await press("Get a token");

    await expect
      .poll(() => inspector().textContent(), { timeout: 10_000 })
      .toMatch(/Requests, 1 h\d+ · (memory|table|Smart Services) \d+ %/);
  });

  it("shows an outage at once, without a wait for the next replacement: the token is still served, and it recovers", async () => {
    const before = await generation();

    await press("outage");
    await state("retrying").waitFor({ timeout: 10_000 });
    await row().locator(".tick.attempt").first().waitFor();
    await row().getByText("Callers are served until").waitFor();
    await events().first().getByText("Replacement failed").waitFor();
    await press("Get a token");
    await page.getByText(/^\d\d:\d\dZ webapicorso: HTTP 200, a token of generation \d+, valid for \d+ s/).waitFor();
    await press("ok");

    await generation(before);
    await state("fresh").waitFor();
    await row().locator(".bar.past").first().waitFor();
    await events().first().getByText("New token").waitFor();
  });

  it("shows a revoked key as rejected with the command that fixes it, and a rotated key fixes it", async () => {
    await generation();
    const key = /(?<!Old )API key([0-9a-f]{16})/.exec((await inspector().textContent()) ?? "")?.[1];
    expect(key).toBeDefined();

    await press("revoked");
    await state("rejected").waitFor();
    const [command = ""] = await inspector().locator("code").allTextContents();
    await press("ok");
    await state("fresh").waitFor();
    await press("Rotate key");

    expect(command).toBe(`npx broker keys stage webapicorso --local-url ${run.url("ready")}`);
    await expect
      .poll(() => inspector().textContent(), { timeout: 15_000 })
      .not.toMatch(new RegExp(`(?<!Old )API key${key}`));
    await inspector().getByText("Old API key").waitFor();
  });

  it("makes tokens of two minutes by a switch, and replaces all now by a button", async () => {
    await page.getByRole("switch", { name: "tokens of 2 minutes" }).click();
    await row().locator('.bar.current[title*="generation"]').waitFor();
    await expect.poll(() => inspector().textContent(), { timeout: 15_000 }).toMatch(/(11\d|12\d|2 min|\d\d s)/);
    const before = await generation();

    await press("Replace all now");
    await generation(before);

    await page.getByRole("switch", { name: "tokens of 2 minutes", checked: true }).click();
    await page.getByRole("switch", { name: "tokens of 2 minutes", checked: false }).waitFor();
    expect(faults).toEqual([]);
  });

  it("draws in half a screen of time after now what is planned, and nothing that is not known", async () => {
    await page.getByLabel("Range of time").selectOption("7200");

    await row().locator(".bar.planned").waitFor();
    const place = (selector: string) =>
      row()
        .locator(selector)
        .first()
        .evaluate((bar: unknown) => Number.parseFloat((bar as { style: { left: string } }).style.left));
    expect(await place(".bar.planned")).toBeGreaterThan(66);
    expect(await row().locator(".bar.past").count()).toBe(
      await row().locator('.bar.past[title*="generation"]').count(),
    );
  });

  it("has lanes, inspector and events in view at once if the connections are few", async () => {
    await events().first().waitFor();

    const topOf = async (selector: string) => (await page.locator(selector).first().boundingBox())?.y ?? Infinity;
    const footer = await topOf("#controls");
    for (const part of ["#connections li", "#inspected", "#events li"])
      expect(await topOf(part), part).toBeLessThan(footer);
  });

  it("works with the keyboard alone, and an update does not move the focus", async () => {
    const polled = () => page.waitForResponse((response) => response.url().includes("/_dashboard/data"));
    await page.keyboard.press("/");
    await page.keyboard.type("no such connection");
    await page.getByText("· 0 of 1").waitFor();
    await page.getByText("No connection matches the search.").waitFor();
    expect(await inspector().isVisible()).toBe(false);
    await page.keyboard.press("Escape");
    await page.getByText("· 1", { exact: true }).waitFor();
    const ask = inspector().getByRole("button", { name: "Get a token" });
    await ask.focus();
    await polled();
    await polled();

    await page.keyboard.press("Enter");

    await page.getByRole("status").getByText("a token of generation").waitFor();
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Get a token");
  });

  it("filters by a state, and shows all again", async () => {
    await page.getByRole("button", { name: "1 fresh" }).click();
    await row().waitFor();
    await page.getByLabel("Find a connection").fill("no such connection");

    await press("Show all");

    await row().waitFor();
    await page.getByRole("button", { name: "1 fresh", pressed: false }).waitFor();
  });

  it.each(["light", "dark"] as const)("fits into a narrow window, %s", async (scheme) => {
    const narrow = await open({ viewport: { width: 340, height: 640 }, colorScheme: scheme });

    const [wide, background] = (await narrow.evaluate(
      "[document.documentElement.scrollWidth, getComputedStyle(document.body).backgroundColor]",
    )) as [number, string];
    expect(wide).toBeLessThanOrEqual(340);
    const { height = Infinity } = (await narrow.locator("footer").boundingBox()) ?? {};
    expect(height).toBeLessThan(640 / 10);
    await narrow.locator("summary").click();
    await narrow.getByRole("button", { name: "outage" }).waitFor();
    expect(background).toBe(scheme === "light" ? "rgb(247, 248, 250)" : "rgb(14, 17, 23)");
  });

  it("logs nothing when it reads", async () => {
    const polled = () => page.waitForResponse((response) => response.url().includes("/_dashboard/data"));
    await polled();
    await polled();

    expect(run.stderr).not.toContain('"service":"status"');
  });

  it("shows as text what the server says of a reading or an action that fails, with the next step, until one works", async () => {
    let fault = "";
    const read = () => (fault === "" ? data() : Promise.reject(new Error(fault)));
    const replace = () => Promise.reject(new Error("Fake <b>rotation</b> is unfinished."));
    const faulty = serveDashboard({ read, actions: { replace } });
    await page.goto(await serve((request, response) => void faulty(request, response)));
    await row().waitFor();
    const failure = page.locator("#failure");

    await press("Replace all now");
    await page
      .getByRole("status")
      .getByText("The action failed: Fake <b>rotation</b> is unfinished (HTTP 409).")
      .waitFor();
    fault = "Fake <b>table</b> is locked.";
    await failure
      .getByText("The server cannot read the data: Fake <b>table</b> is locked (HTTP 409). The page")
      .waitFor();
    await failure.getByText("If this stays, start it again (npm start, or npx broker dashboard)").waitFor();
    fault = "";
    await expect.poll(() => failure.textContent(), { timeout: 10_000 }).toBe("");
  });

  it("says that it cannot show data of another version, and reads again", async () => {
    await page.route("**/_dashboard/data*", (route) => route.fulfill({ json: {} }));
    await page
      .getByText(/^The page cannot show the data \(TypeError: .*\)\. Reload it: the server may be of/)
      .waitFor();
    await page.unroute("**/_dashboard/data*");

    await expect.poll(() => page.locator("#failure").textContent(), { timeout: 10_000 }).toBe("");
  });
});

const data = async () => (await (await fetch(`${run.url("ready")}/_dashboard/data?range=600`)).json()) as DashboardData;

/** A computed style of all elements that a selector finds. */
const styles = (selector: string, name: string) =>
  page.evaluate(
    `[...document.querySelectorAll(${JSON.stringify(selector)})].map((node) => getComputedStyle(node)[${JSON.stringify(name)}])`,
  ) as Promise<string[]>;

/** Shows other data than the run has. */
async function show(change: (of: DashboardData) => void): Promise<void> {
  const changed = await data();
  change(changed);
  await page.route("**/_dashboard/data*", (route) => route.fulfill({ json: changed }));
  await page.reload();
  await row().waitFor();
}

describe("the page of the local run with other data", () => {
  it("notices a server that hangs: a red banner with the instant of the data, which turns grey, until it answers, at once after an hour of sleep", async () => {
    const server = { hangs: false, held: 0 };
    await page.clock.install();
    await page.route("**/_dashboard/data*", (route) => {
      if (!server.hangs) return route.continue();
      server.held += 1;
      return undefined;
    });
    await page.reload();
    await row().waitFor();
    const alert = page.locator("#failure[role=alert]");
    server.hangs = true;
    await page.clock.runFor(2000);
    await expect.poll(() => server.held).toBe(1);
    expect(await alert.textContent()).toBe("");

    await page.clock.runFor(14_000);

    await alert
      .getByText(/^No response\. The page shows what it read at \d\d:\d\dZ, which may be wrong now\./)
      .waitFor();
    expect(await styles("#failure", "backgroundColor")).toEqual(["rgb(179, 35, 24)"]);
    expect(await styles("#states, main", "filter")).toEqual(["grayscale(1)", "grayscale(1)"]);
    server.hangs = false;
    await page.clock.runFor(16_000);
    await expect.poll(() => alert.textContent()).toBe("");
    expect(await styles("#states, main", "filter")).toEqual(["none", "none"]);
    server.hangs = true;
    await page.clock.fastForward(3_600_000);
    expect(await styles("main", "filter")).toEqual(["grayscale(1)"]);
  });

  it.each(["light", "dark"] as const)("has links that look like links, and no other text does, %s", async (scheme) => {
    await page.emulateMedia({ colorScheme: scheme });
    await show(({ connections: [view], traffic }) => {
      if (view) view.state = "due";
      if (traffic) traffic.errors = { upstream_unavailable: 1 };
    });
    const [link] = await styles("#errors a", "color");

    expect(new Set(await styles("a, .name", "color"))).toEqual(new Set([link]));
    expect(new Set(await styles("a, .name", "textDecorationLine"))).toEqual(new Set(["underline"]));
    expect(await styles("body :not(a, .name)", "color")).not.toContain(link);
  });

  it("breaks no line inside an option of a command", async () => {
    const command = "npx broker keys status gamma --local";
    await show(({ connections: [view] }) => void (view && (view.commands = [command])));

    const code = inspector().locator("code");
    const parts = await code.locator("span").evaluateAll((all) => all.map((part) => part.getClientRects()[0]?.height));
    expect(await code.textContent()).toBe(command);
    expect([parts.length, new Set(parts).size]).toEqual([6, 1]);
  });

  it("shows first, in red, how many requests failed, and no share of 100 % beside them", async () => {
    await show(({ traffic }) => {
      const [step] = traffic?.steps ?? [];
      if (step) Object.assign(step, { memory: 99_990, failed: 3 });
    });

    const first = page.locator("#tiles .tile").first();
    await expect(first.textContent()).resolves.toMatch(/^3 failed.* callers got an error, 10 min/);
    expect(await styles("#tiles .tile:first-child strong", "color")).toEqual(["rgb(179, 35, 24)"]);
    await page.locator("#tiles").getByText("99.99 %").waitFor();
  });

  it("draws nothing after now but the token that callers get, and what is planned", async () => {
    await show(({ now, connections: [view] }) => {
      const iso = (at: number) => new Date(at * 1000).toISOString();
      if (!view?.status) return;
      view.state = "expired";
      Object.assign(view.status, {
        state: "expired",
        generation: 2,
        access_token_expires_at: iso(now + 3),
        next_action: { what: "retry by API key in 20 s", at: iso(now + 20) },
      });
      const tokens = [
        { generation: 0, from: now - 400, until: now - 120, by: "api_key" },
        { generation: 1, from: now - 300, until: now + 3300, by: "api_key" },
        { generation: 2, from: now - 150, until: now + 3, by: "api_key" },
      ];
      view.past = { tokens, attempts: [] };
    });

    const ends = await row()
      .locator(".bar")
      .evaluateAll((bars) => bars.map(({ style }) => Number.parseFloat(style.left) + Number.parseFloat(style.width)));
    expect(ends).toHaveLength(3);
    expect(Math.min(...ends)).toBeCloseTo(66.67 - 120 / 9, 1);
    expect(Math.max(...ends)).toBeLessThan(66.7);
  });

  it("has each colour of a bar in its legend", async () => {
    const colours = (selector: string) => styles(selector, "backgroundColor");
    await show(({ connections: [view] }) => void (view && (view.state = "retrying")));
    const retrying = await colours("#connections .bar.current");
    await show(({ connections: [view] }) => void (view && (view.state = "rejected")));
    const rejected = await colours("#connections .bar.current");

    expect(await colours(".legend .key")).toEqual(expect.arrayContaining([...retrying, ...rejected]));
    expect(retrying).not.toEqual(rejected);
  });

  it("says of which key the fingerprint is while a stored one is not used yet", async () => {
    await show(({ connections: [view] }) => void (view && (view.keyStoredAt = 1)));

    await inspector()
      .getByText(/^[0-9a-f]{16} .*· former key until the next token$/)
      .waitFor();
  });
});
