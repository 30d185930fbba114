export { TestBroker, type TestBrokerOptions, type TestBrokerState } from "./testing/test-broker.ts";
