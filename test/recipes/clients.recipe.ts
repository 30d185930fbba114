import { recipes } from "./recipes.ts";
import { tryCalls } from "./try-calls.ts";
import { tryRenewal } from "./try-renewal.ts";

tryCalls(recipes);
tryRenewal(recipes);
