import { TestBroker } from "../../packages/client/src/testing.ts";

/** The outage of the broker, in minutes of the plot, and the length of the plot. */
export const outage = { from: 15, until: 35, end: 50 };

/** How a service gets its tokens; `call` returns whether the business API answered it. */
const kinds = {
  "a token for each call": (broker: TestBroker, connection: string) => () =>
    broker.client({ connection }).fetch("/customers"),
  "a token kept until it expires": (broker: TestBroker, connection: string) =>
    broker.client({ connection, margin: 5 }).fetch.bind(null, "/customers"),
  "the client": (broker: TestBroker, connection: string) =>
    broker.client({ connection }).fetch.bind(null, "/customers"),
};
export type Kind = keyof typeof kinds;

/**
 * One service starts in each of 90 minutes before the plot, for 60 connections in turn: tokens have all ages, and half of the
 * connections have two services.
 */
const warmUp = 90;
const connections = 60;
/** Seconds between two calls of a service. */
const interval = 30;

/**
 * Percent of calls that the business API answers, for each minute: services call it while the broker is unreachable for 20
 * minutes. Tokens live one hour, and the broker replaces them after half of it.
 */
export async function availability(kind: Kind): Promise<number[]> {
  const broker = new TestBroker();
  const running: (() => Promise<Response>)[] = [];
  const answered: number[] = [];
  for (let minute = -warmUp; minute < outage.end; minute += 1) {
    if (minute < 0) running.push(kinds[kind](broker, `acme-${(minute + warmUp) % connections}`));
    broker.state = minute >= outage.from && minute < outage.until ? "unreachable" : "up";
    let good = 0;
    for (let second = 0; second < 60; second += interval) {
      const results = await Promise.allSettled(running.map((call) => call()));
      good += results.filter(({ status }) => status === "fulfilled").length;
      await broker.advance(interval);
    }
    if (minute >= 0) answered.push(Math.round((good * 100 * interval) / 60 / running.length));
  }
  return answered;
}

// `node test/client/availability.ts` prints the figures of the plot.
if (import.meta.main) {
  const columns = await Promise.all((Object.keys(kinds) as Kind[]).map((kind) => availability(kind)));
  console.log(["minute", ...Object.keys(kinds)].join("\t"));
  for (const minute of columns[0]?.keys() ?? [])
    console.log([minute, ...columns.map((each) => each[minute])].join("\t"));
}
