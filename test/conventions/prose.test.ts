import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

test("the spelling check finds wrong words in pages, comments, names and strings, and knows the project's words", () => {
  const folder = mkdtempSync(join(tmpdir(), "prose-"));
  writeFileSync(join(folder, "page.md"), "# Page\n\nThe tokne of webapicorso is recognised, not the behavior.\n");
  writeFileSync(join(folder, "source.ts"), '// A comand.\nexport const refershed = "recieved";\n');

  const options = ["--config=cspell.json", `--root=${folder}`, "--no-cache", "--no-progress"];
  const { status, stdout } = spawnSync(process.execPath, ["node_modules/cspell/bin.mjs", ...options], {
    cwd: join(import.meta.dirname, "../.."),
    encoding: "utf8",
  });

  expect(status).toBe(1);
  const found = [...stdout.matchAll(/Unknown word \((\w+)\)/g)].map(([, word]) => word);
  expect(found).toEqual(["tokne", "behavior", "comand", "refershed", "recieved"]);
});
