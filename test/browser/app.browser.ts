import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from "vitest";
import { broker } from "../cli/harness.ts";
import { samplePortalOrigin } from "../../local/callers/sample-callers.ts";
import { account, callerJwt, startBroker, userJwt } from "../examples/broker.ts";
import { failsAtRedirect } from "../examples/redirect.ts";
import type { StartedCommand } from "../local/run-harness.ts";
import { startBrowser } from "./chromium.ts";
import { servePages } from "./pages.ts";

let run: StartedCommand;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  run = await startBroker();
  const at = ["--api-base-url", run.url("simulator"), "--local-url", run.url("ready")];
  expect(await broker(["connections", "set", "webapicorso", ...at])).toMatchObject({ status: 0 });
  browser = await startBrowser();
});
afterAll(async () => {
  await browser.close();
  await run.remove();
});

beforeEach(async () => {
  const context = await browser.newContext({ viewport: { width: 900, height: 640 } });
  page = await context.newPage();
  onTestFinished(() => context.close());
});

/** Serves the application as examples/README.md says. Returns its origin. */
async function serveApp(env: Record<string, string> = {}): Promise<string> {
  const { origin, close } = await servePages("app", {
    BROKER_URL: `${run.url("ready")}/`,
    ISSUER_URL: `${run.url("issuer")}/`,
    ...env,
  });
  onTestFinished(close);
  return origin;
}

async function signIn(): Promise<void> {
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Signed in").waitFor();
}

/** Every request of the page from now on, with its answer. */
function traffic() {
  const exchanges: Promise<{ url: string; sent: string; answered: string }>[] = [];
  page.on("requestfinished", (request) => {
    const answer = request.response().then((response) => response?.text() ?? "");
    exchanges.push(
      answer.catch(() => "").then((answered) => ({ url: request.url(), sent: request.postData() ?? "", answered })),
    );
  });
  return () => Promise.all(exchanges);
}

it("the sample app signs a user in with PKCE and shows the response of Smart Services", async () => {
  const origin = await serveApp();
  const exchanged = traffic();
  await page.goto(origin);

  await signIn();
  await page.getByRole("button", { name: "Get customers" }).click();
  const shown = await page.locator("#answer:not(:empty)").textContent();

  expect(origin).toBe(samplePortalOrigin);
  expect(JSON.parse(shown ?? "")).toMatchObject({ ok: true, scope: account.scope });
  const all = await exchanged();
  const authorized = all.find(({ url }) => url.includes("/authorize?"));
  expect(new URL(authorized?.url ?? "").searchParams.get("code_challenge_method")).toBe("S256");
  const coded = all.find(({ url }) => url === `${run.url("issuer")}/token`);
  expect(new URLSearchParams(coded?.sent).get("code_verifier")).toMatch(/^[\w-]{43}$/);
  const screenshot = process.env["SHOW_SCREENSHOT"];
  if (screenshot) await page.screenshot({ path: screenshot });
});

it("the sample app never gets a token of Smart Services, a key or a refresh token", async () => {
  const exchanged = traffic();
  await page.goto(await serveApp());

  await signIn();
  await page.getByRole("button", { name: "Get customers" }).click();
  await page.locator("#answer:not(:empty)").waitFor();

  const all = await exchanged();
  expect(JSON.stringify(all)).not.toMatch(/fake-key|stb_local|stbr\.webapicorso/);
  const brokered = all.filter(({ url }) => url.startsWith(run.url("ready")));
  expect(brokered.map(({ answered }) => JSON.parse(answered) as object)).toEqual([
    expect.objectContaining({ ok: true }),
  ]);
  const kept = await page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])");
  expect(kept).toBe('[{},{},""]');
  expect(new URL(page.url()).search).toBe("");
});

it("the sample app fails if the broker redirects it, and sends the other server nothing", async () => {
  // The policy of the example's own server would block the other server too.
  const context = await browser.newContext({ bypassCSP: true });
  onTestFinished(() => context.close());
  page = await context.newPage();
  await failsAtRedirect(async (host) => {
    const { origin, close } = await servePages("app", {
      BROKER_URL: host,
      ISSUER_URL: run.url("issuer"),
    });
    await page.goto(origin);
    await signIn();
    await page.getByRole("button", { name: "Get customers" }).click();
    const shown = await page.locator("#steps .failed, #answer:not(:empty)").first().textContent();
    await close();
    if (!shown?.startsWith("{")) throw new Error(shown ?? "nothing is shown");
  });
});

it("the sample app rejects a code of a sign-in that it did not start", async () => {
  const exchanged = traffic();

  await page.goto(`${await serveApp()}/?code=fake-code&state=fake-state`);

  await page.getByText("This page did not start this sign-in.").waitFor();
  expect((await exchanged()).filter(({ url }) => url.startsWith(run.url("issuer")))).toEqual([]);
});

it("a page of another origin gets nothing from the broker, not even for a signed-in user", async () => {
  const blocked = page.waitForEvent("requestfailed", (request) => request.url().startsWith(run.url("ready")));
  await page.goto(await serveApp({ PORT: "0" }));

  await signIn();
  await page.getByRole("button", { name: "Get customers" }).click();

  expect((await blocked).method()).toBe("GET");
  await page.locator(".failed").waitFor();
});

it("a page calls Smart Services with the user's JWT and fetch alone, if the user's entry has calls", async () => {
  const { origin, close } = await servePages("browser", { BROKER_URL: run.url("ready") });
  onTestFinished(close);
  const ask = async (credential: string) => {
    await page.goto(`${origin}/call.html`);
    await page.getByLabel("Host").fill(`${run.url("ready")}/`);
    await page.getByLabel("JWT").fill(credential);
    await page.getByRole("button").click();
    return page.locator("#answer:not(:empty)").textContent();
  };

  expect(JSON.parse((await ask(await callerJwt(run))) ?? "")).toMatchObject({ ok: true, scope: account.scope });
  expect(await ask(await userJwt(run))).toContain("credential_not_accepted");
  await page.setViewportSize({ width: 320, height: 640 });
  expect(await page.locator("pre").evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(0);
});
