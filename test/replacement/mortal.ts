import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import { type Around, disturb } from "../support/crash-points.ts";
import type { Scenario } from "./crash-scenarios.ts";
import type { Stage } from "./stage.ts";

/** A process that makes the scenario's replacement and dies at the given points. */
export function mortal(stage: Stage, scenario: Scenario, at: ReadonlySet<number>) {
  const { points, died, around: pass } = disturb(at, "death");
  let isLossOver = scenario.lost === undefined;

  const around: Around = (call, act) =>
    pass(call, async () => {
      if (call === "table.takeLease" && scenario.isOvertaken) {
        await stage.store(1400, { nextActionAt: stage.clock.now() + 600 });
      }
      if (call !== "table.write" || isLossOver) return act();
      isLossOver = true;
      if (scenario.lost === "answer") await act();
      throw new UnavailableError("lost");
    });
  const ports = stage.process("victim", around);
  const work =
    scenario.victim === "sweep" ? stage.sweep(ports) : new TokenService(ports).get(stage.connection, { minTtl: 1800 });
  return { points, ended: Promise.race([work, died]) };
}
