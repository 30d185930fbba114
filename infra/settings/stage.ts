import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { attempt, SettingError, throwIfAny, unchanged, unknownSettings } from "./error.ts";
import { readDeploymentSettings } from "./read.ts";
import { rejectUnknownSettings, settingNames } from "./schemas.ts";
import type { DeploymentSettings, ReadOptions } from "./types.ts";

/** The folder with a file for each stage. */
export const settingsFolder = join(import.meta.dirname, "../../settings");

export interface StageOptions extends Omit<ReadOptions, "fileOf"> {
  /** Folder with the files of the stages. Absent: only the context and the defaults count. */
  folder?: string;
}

/**
 * Reads the settings of a stage. For each key, the context (`-c`) counts before the file `settings/{stage}.json`, and the
 * file before the default. Throws a `SettingError` with one line for each mistake.
 *
 * @param context A key with the value `undefined` hides the one of the file.
 */
export function readStageSettings(
  context: Record<string, unknown>,
  { folder, ...options }: StageOptions = { allowLoopbackHttp: false },
): DeploymentSettings {
  // The stage alone: a file is read only if the stage is valid.
  const { stage } = readDeploymentSettings((key) => (key === "stage" ? context[key] : undefined));
  const file = fileOfStage(stage);
  const written = folder === undefined ? {} : readStageFile(folder, stage);
  const isInFile = (key: string) => !Object.hasOwn(context, key) && Object.hasOwn(written, key);

  const mistakes: string[] = [];
  attempt(() => rejectUnknownSettings(Object.keys(context)), mistakes);
  mistakes.push(...unknownSettings(Object.keys(written), settingsOfFile, file));
  const settings = attempt(
    () =>
      readDeploymentSettings((key) => (isInFile(key) ? written[key] : context[key]), {
        ...options,
        fileOf: (key) => (isInFile(key) ? file : undefined),
      }),
    mistakes,
  );
  throwIfAny(mistakes);
  return settings as DeploymentSettings;
}

/** The name of a stage's file, for people. */
export const fileOfStage = (stage: string) => `settings/${stage}.json`;

/** A file has no stage: its name says it. */
const settingsOfFile = ["$schema", ...settingNames.filter((name) => name !== "stage")];

function readStageFile(folder: string, stage: string): Record<string, unknown> {
  const file = fileOfStage(stage);
  let text: string;
  try {
    text = readFileSync(join(folder, `${stage}.json`), "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT") {
      throw new SettingError(`The file ${file} cannot be read (${code}). ${unchanged} Make it readable.`);
    }
    // The defaults are a deployment of the stage dev. Another stage without a file is likely to be mistyped.
    if (stage === "dev") return {};
    throw new SettingError(
      `The stage ${stage} has no file ${file}. ${unchanged} If the stage is right, create the file with its settings; {} means all defaults. Stages with a file: ${stagesIn(folder)}.`,
    );
  }
  const settings = parse(text.replace(/^\uFEFF/, ""), file);
  if (typeof settings === "object" && settings !== null && !Array.isArray(settings)) {
    return settings as Record<string, unknown>;
  }
  throw new SettingError(`The file ${file} is not a JSON object. ${unchanged} Write {"key": value, …}.`);
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    // The rest of the message quotes the file, in which a key may have been pasted.
    const [place = ""] = / \(line \d+ column \d+\)/.exec((error as Error).message) ?? [];
    throw new SettingError(
      `The file ${file} is not JSON${place}. ${unchanged} Correct it: JSON has no comments, and no comma after the last value.`,
    );
  }
}

function stagesIn(folder: string): string {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
  return (
    files
      .map((name) => name.slice(0, -".json".length))
      .toSorted()
      .join(", ") || "none"
  );
}
