import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { install } from "../examples/debian.ts";

const executablePath = "/usr/bin/chromium";

/** Before the tests: Debian's Chromium. */
export default function setup(): void {
  install(["chromium"], () => existsSync(executablePath));
}

/** Starts a browser that sends requests to the tests only. `more`: further arguments. */
export function startBrowser(more: string[] = []): Promise<Browser> {
  const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", ...quiet, ...more];
  // Without this, pages have no scrollbars.
  return chromium.launch({ executablePath, args, ignoreDefaultArgs: ["--hide-scrollbars"] });
}
