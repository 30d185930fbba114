import { type Broken, factsOf, type Invariant } from "./facts.ts";
import { announcementInvariants } from "./invariants/announcements.ts";
import { callingInvariants } from "./invariants/calling.ts";
import { eventInvariants } from "./invariants/events.ts";
import { recoveringInvariants } from "./invariants/recovering.ts";
import { replacingInvariants } from "./invariants/replacing.ts";
import { rotatingInvariants } from "./invariants/rotating.ts";
import { servingInvariants } from "./invariants/serving.ts";
import type { World } from "./world.ts";

const invariants: Invariant[] = [
  ...servingInvariants,
  ...replacingInvariants,
  ...rotatingInvariants,
  ...announcementInvariants,
  ...eventInvariants,
  ...recoveringInvariants,
  ...callingInvariants,
];

export interface Violation extends Broken {
  sentence: string;
}

/** Every invariant that a world broke, the earliest first. */
export function check(world: World): Violation[] {
  const facts = factsOf(world);
  return invariants
    .filter(({ needsOneClock }) => !needsOneClock || world.plan.skew === 0)
    .flatMap(({ sentence, search }) => search(facts).map((broken) => ({ sentence, ...broken })))
    .toSorted((one, other) => one.at - other.at);
}
