export type * from "./props.ts";
export { SmartTokenBroker } from "./smart-token-broker.ts";
