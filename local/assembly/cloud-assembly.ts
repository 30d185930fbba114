import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A resource of a synthesised template. Its properties still have intrinsic functions. */
export interface Resource {
  stack: string;
  logicalId: string;
  type: string;
  properties: Record<string, unknown>;
}

/** The output of `cdk synth`: every resource of every stack, the exports, and the folders of the assets. */
export interface CloudAssembly {
  resources: Resource[];
  /** Name of an export → its value and stack. */
  exports: Map<string, { stack: string; value: unknown }>;
  /** Object key in the asset bucket → absolute path of the asset. */
  assets: Map<string, string>;
}

interface Template {
  Resources: Record<string, { Type: string; Properties?: Record<string, unknown> }>;
  Outputs?: Record<string, { Value: unknown; Export?: { Name: string } }>;
}

interface Manifest {
  artifacts: Record<
    string,
    { type: string; properties?: { templateFile?: string; stackName?: string; file?: string } }
  >;
}

interface AssetManifest {
  files: Record<string, { source: { path: string }; destinations: Record<string, { objectKey: string }> }>;
}

/** Reads the cloud assembly in a folder. Does not resolve or check anything. */
export function readCloudAssembly(folder: string): CloudAssembly {
  const readJson = <Shape>(file: string): Shape => JSON.parse(readFileSync(join(folder, file), "utf8")) as Shape;
  const assembly: CloudAssembly = {
    resources: [],
    exports: new Map(),
    assets: new Map(),
  };
  for (const [id, artifact] of Object.entries(readJson<Manifest>("manifest.json").artifacts)) {
    const { templateFile, stackName = id, file } = artifact.properties ?? {};
    if (artifact.type === "aws:cloudformation:stack" && templateFile) {
      const template = readJson<Template>(templateFile);
      for (const [logicalId, { Type: type, Properties: properties = {} }] of Object.entries(template.Resources)) {
        assembly.resources.push({ stack: stackName, logicalId, type, properties });
      }
      for (const { Value: value, Export: exported } of Object.values(template.Outputs ?? {})) {
        if (exported) assembly.exports.set(exported.Name, { stack: stackName, value });
      }
    }
    if (artifact.type === "cdk:asset-manifest" && file) {
      for (const { source, destinations } of Object.values(readJson<AssetManifest>(file).files)) {
        for (const { objectKey } of Object.values(destinations)) {
          assembly.assets.set(objectKey, join(folder, source.path));
        }
      }
    }
  }
  return assembly;
}
