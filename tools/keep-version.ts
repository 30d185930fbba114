import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";

const root = join(import.meta.dirname, "..");

/** The released version, which the test of two versions (test/two-versions) runs beside this one. Absent before the first release. */
export const keptVersion = join(root, "test/two-versions/previous.mjs");

/** Writes the code of this version that reads and writes the table, as one module. */
export async function keepVersion(file: string): Promise<void> {
  const { outputFiles } = await build({
    stdin: {
      contents: `
        export { parseRegistration } from "./functions/auth-core/rules/upstream/registration.ts";
        export { Secret } from "./functions/auth-core/rules/secret.ts";
        export { dynamoDbTokenTable } from "./functions/auth-core/adapters/dynamodb.ts";
        export { TokenService } from "./functions/auth-core/use-cases/token-service.ts";
        export { sweep } from "./functions/token-rotation/use-cases/sweep.ts";`,
      resolveDir: root,
    },
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node24",
    // Only our own code is kept.
    external: ["@aws-sdk/*", "undici", "valibot"],
    // Without comments and blanks: nobody edits the file.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: "none",
  });
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, outputFiles[0]?.contents ?? "");
}

// `npm run keep-version`, for each release: the next version is then tested against the released one.
if (process.argv[1] === import.meta.filename) await keepVersion(keptVersion);
