import { writeFileSync } from "node:fs";
import { faultsPage } from "./faults-page.ts";

// `npm run faults`
writeFileSync(new URL("../docs/faults.md", import.meta.url), faultsPage());
