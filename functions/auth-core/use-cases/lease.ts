import type { Fence } from "./ports.ts";

/** Seconds. The lease outlives all that is done under it: a reading of the secret, two upstream calls, the commit. */
export const leaseSeconds = 15;
export const upstreamSeconds = 5;
export const commitMargin = 3;

/** The right to replace one connection's token set, until an instant. */
export interface Lease extends Fence {
  until: number;
}
