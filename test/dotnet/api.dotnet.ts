import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { output } from "../local/run-harness.ts";
import type { Recipe } from "../recipes/run-recipe.ts";
import { tryCalls } from "../recipes/try-calls.ts";
import { tryRenewal } from "../recipes/try-renewal.ts";

const source = join(import.meta.dirname, "..", "..", "examples/dotnet/SmartServicesApi.cs");
const folder = mkdtempSync(join(tmpdir(), "dotnet-api-"));
const program = join(folder, "SmartServicesApi.exe");
const libraries = ["-r:System.Net.Http.dll", "-r:System.Runtime.Serialization.dll"];

beforeAll(async () => void (await output("mcs", [...libraries, `-out:${program}`, source])));
afterAll(() => rmSync(folder, { recursive: true }));

const dotnet: Recipe = { name: "dotnet", oauth: true, command: () => ["mono", program] };

tryCalls([dotnet]);
tryRenewal([dotnet]);
