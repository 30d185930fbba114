import fc from "fast-check";
import { it } from "vitest";
import { interleave } from "./interleaving.ts";
import { rounds, lifetimes } from "./interleavings.test.ts";
import { startKeysWorld } from "./world.ts";
const kinds: Record<string, any> = {
  plain: [rounds(["put", "stage", "stage", "goBack", "stageBack"], 0), false],
  lost: [rounds(["put", "stage", "stageBad", "goBack"], 15), false],
  del: [rounds(["put", "stage", "remove", "restore"], 0), false],
  shared: [rounds(["put", "stage", "stage", "goBack"], 30), true],
};
it("hunt", { timeout: 590_000 }, async () => {
  const world = await startKeysWorld();
  const [arb, isShared] = kinds[process.env["KIND"] ?? "plain"];
  const seed = Number(process.env["SEED"] ?? 7);
  const samples = fc.sample(fc.tuple(lifetimes, arb), { seed, numRuns: Number(process.env["N"] ?? 40) }) as any[];
  let n = 0;
  const only = process.env["ONLY"];
  const t0 = Date.now();
  for (const [of, all] of samples) {
    n += 1;
    if (only && n !== Number(only)) continue;
    const t = Date.now();
    const broken = await interleave(world, { ...of, isShared }, all);
    if (broken.length)
      console.log(
        "RUN",
        n,
        Date.now() - t,
        JSON.stringify(broken),
        JSON.stringify(of),
        all.map((r: any) => r.actions.map((a: any) => a.do + a.of).join(",") + " w" + r.wait).join(" | "),
      );
  }
  console.log("total", n, (Date.now() - t0) / n);
});
