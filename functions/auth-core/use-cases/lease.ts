import type { Fence } from "./ports.ts";

/** Seconds. The lease is longer than all work under it: reading the secret, two upstream calls and the commit. */
export const leaseSeconds = 15;
export const upstreamSeconds = 5;
export const commitMargin = 3;

/** The right to replace a connection's token set until an instant. */
export interface Lease extends Fence {
  until: number;
}
