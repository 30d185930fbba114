import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import type { Scenario } from "./crash-scenarios.ts";
import type { Around } from "./points.ts";
import type { Stage } from "./stage.ts";

/** A process that does the scenario's replacement, and dies on the way: then it never goes on, nor calls a port. */
export function mortal(stage: Stage, scenario: Scenario, nth: number | undefined) {
  const points: string[] = [];
  const death = Promise.withResolvers<void>();
  let isLossOver = scenario.lost === undefined;

  const pass = (point: string) => {
    points.push(point);
    if (nth === undefined || points.length <= nth) return undefined;
    death.resolve();
    return new Promise<never>(() => {});
  };
  const around: Around = async (call, act) => {
    await pass(`before ${call}`);
    if (call === "table.takeLease" && scenario.isOvertaken) {
      await stage.store(1400, { nextActionAt: stage.clock.now() + 600 });
    }
    try {
      if (call !== "table.write" || isLossOver) return await act();
      isLossOver = true;
      if (scenario.lost === "answer") await act();
      throw new UnavailableError("lost");
    } finally {
      await pass(`after ${call}`);
    }
  };
  const ports = stage.process("victim", around);
  const work =
    scenario.victim === "sweep" ? stage.sweep(ports) : new TokenService(ports).get(stage.connection, { minTtl: 1800 });
  return { points, ended: Promise.race([work, death.promise]) };
}
