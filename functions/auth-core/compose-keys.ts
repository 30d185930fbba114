import { eventBridge } from "./adapters/eventbridge.ts";
import { secretVersions } from "./adapters/secret-versions.ts";
import { deployedPorts } from "./compose.ts";
import type { Settings } from "./rules/settings.ts";
import type { KeyPorts, Notice } from "./use-cases/ports.ts";

/** The ports of the functions that deal with keys. No caller waits for these: all of it is loaded with the function. */
export function deployedKeyPorts(settings: Settings, notice: (notice: Notice) => void): KeyPorts {
  return {
    ...deployedPorts(settings, notice),
    secrets: secretVersions(settings.secretPrefix),
    events: eventBridge(settings.stage),
    expectRotation: settings.rotateKeysEveryDays > 0,
  };
}
