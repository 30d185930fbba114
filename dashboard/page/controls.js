import { element, write } from "./format.js";

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
  write(
    footer.querySelector(".watch"),
    known ? `${known.does} ${known.watch}` : "The switches of the simulator were set one by one.",
  );
}

function build(footer, { scenarios }, act) {
  const title = element("h2", { id: "scenarios-title" }, "Simulated Smart Services");
  const group = element("div", { role: "group", "aria-labelledby": "scenarios-title" });
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
  footer.append(title, element("p", { className: "watch" }), group, short, all);
}
