import { expect, test } from "vitest";
import { TestBroker } from "../../packages/client/src/testing.ts";

/**
 * One service starts in each minute before the outage, for 60 connections in turn: tokens have all ages, and half of the
 * connections have two services. Tokens live one hour, and the broker replaces them after half of it.
 */
const minutes = { warmUp: 90, outage: 20, end: 35 };
const connections = 60;
/** Seconds between two calls of a service. */
const interval = 30;

test("A service with the client answers all calls during a 20-minute outage of the broker, and after it", async () => {
  const broker = new TestBroker();
  const services: (() => Promise<Response>)[] = [];
  for (let minute = -minutes.warmUp; minute < minutes.end; minute += 1) {
    const connection = `acme-${(minute + minutes.warmUp) % connections}`;
    if (minute < 0) services.push(broker.client({ connection }).fetch.bind(null, "/customers"));
    broker.state = minute >= 0 && minute < minutes.outage ? "unreachable" : "up";
    for (let second = 0; second < 60; second += interval) {
      const answers = await Promise.all(services.map((call) => call()));
      expect(answers.filter(({ ok }) => !ok)).toEqual([]);
      await broker.advance(interval);
    }
  }
});
