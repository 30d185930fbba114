import type { Scenario, Target } from "./scenario.ts";

/** Every scenario, in the order of the tables. Each is loaded when it runs. */
export const scenarios: Record<string, Scenario> = {
  cold: {
    title: "a new environment, from the start of its process to its first response",
    run: async (size) => (await import("./cold.ts")).cold(size),
  },
  warm: {
    title: "a token from memory, the whole handler",
    run: async (size) => (await import("./warm.ts")).warm(size),
  },
  table: {
    title: "a token from the table over loopback, the whole handler",
    run: async (size) => (await import("./table.ts")).table(size),
  },
  stampede: {
    title: "an expired token that many request at once",
    run: async (size) => (await import("./stampede.ts")).stampede(size),
  },
  sweep: {
    title: "the replacement of what is due, one connection of a hundred",
    run: async (size) => (await import("./sweep.ts")).sweep(size),
  },
  status: {
    title: "the status of 10,000 connections",
    run: async (size) => (await import("./status.ts")).status(size),
  },
  client: {
    title: "what the client adds to a call of the business API",
    run: async (size) => (await import("./client.ts")).client(size),
  },
  calls: {
    title: "a call of the business API through the broker",
    run: async (size) => (await import("./calls.ts")).calls(size),
  },
  proxy: {
    title: "a call of the business API through the proxy beside a service",
    run: async (size) => (await import("./proxy.ts")).proxy(size),
  },
  memory: {
    title: "the memory of an environment that serves 1,000 connections",
    run: async (size) => (await import("./memory.ts")).memory(size),
  },
};

/** The bill. It runs only by its name, because it writes docs/cost.md. */
export const bill: Scenario = {
  title: "a month in dollars, and a million tokens",
  run: async () => (await import("./cost.ts")).cost(),
};

/** The proxy's memory over a million calls. It runs only by its name, because it takes minutes. */
export const million: Scenario = {
  title: "the memory of the proxy beside a service",
  run: async (size) => (await import("./proxy.ts")).million(size),
};

/** The scenario of a deployment. It runs only by its name, because it costs money. */
export const ofDeployment = (target: Target): Scenario => ({
  title: `tokens from ${target.url}`,
  run: async () => (await import("./deployed.ts")).deployed(target),
});
