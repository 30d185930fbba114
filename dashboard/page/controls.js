import { element, write } from "./format.js";

/** On a phone, or at 200 %, the page needs the room. */
const hasRoom = "(min-width: 60rem) and (min-height: 40rem)";

/** The buttons of the local run: the scenario of Smart Services, short tokens, and a replacement of everything. */
export function showControls(footer, controls, act) {
  footer.hidden = !controls;
  if (!controls) return;
  if (footer.childElementCount === 0) build(footer, controls, act);
  const { scenario, shortTokens, scenarios } = controls;
  for (const button of footer.querySelectorAll("[data-scenario]")) {
    button.setAttribute("aria-pressed", String(button.dataset.scenario === scenario));
  }
  footer.querySelector("[role=switch]").setAttribute("aria-checked", String(shortTokens));
  const known = scenarios.find(({ name }) => name === scenario);
  write(footer.querySelector("summary b"), `Simulated Smart Services: ${scenario ?? "other switches"}`);
  write(
    footer.querySelector(".watch"),
    known ? `${known.does} ${known.watch}` : "The switches of the simulator were set one by one.",
  );
}

function build(footer, { scenarios }, act) {
  const group = element("div", { role: "group", "aria-label": "Simulated Smart Services" });
  for (const { name, does, watch } of scenarios) {
    const button = element("button", { type: "button", title: `${does} ${watch}`, "data-scenario": name }, name);
    button.addEventListener("click", () => act("scenario", { scenario: name }));
    group.append(button);
  }
  const short = element(
    "button",
    {
      type: "button",
      role: "switch",
      "aria-checked": "false",
      title: "New tokens last two minutes, so that you see them being replaced",
    },
    "tokens of 2 minutes",
  );
  short.addEventListener("click", () => act("lifetime", { short: short.getAttribute("aria-checked") !== "true" }));
  const all = element(
    "button",
    { type: "button", title: "Makes every connection due and runs a sweep" },
    "Replace all now",
  );
  all.addEventListener("click", () => act("replace", {}));
  const summary = element("summary", {}, element("b"), " ", element("span", { className: "watch" }));
  const content = element("div", { className: "controls" }, group, short, all);
  footer.append(element("details", { open: matchMedia(hasRoom).matches }, summary, content));
  // What scrolls into view must not be under the footer.
  const { style } = document.documentElement;
  new ResizeObserver(() => style.setProperty("--footer", `${footer.offsetHeight}px`)).observe(footer);
}
