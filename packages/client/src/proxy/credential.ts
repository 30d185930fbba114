import { awsIdentity } from "../aws-identity.ts";
import { callerKey, type Credential } from "../credentials.ts";
import { githubActions } from "../github-actions.ts";
import { iam } from "../iam.ts";
import { kubernetes } from "../kubernetes.ts";
import { keyVariable, type ProxySettings, readText, SettingsError } from "./settings.ts";

/**
 * How the proxy authenticates at the broker. A file is read now, and for each request to the broker, so that
 * it can be replaced.
 *
 * @throws SettingsError
 */
export function credentialOf(settings: ProxySettings, environment: NodeJS.ProcessEnv): Credential {
  const { credential, caller, keyFile, tokenFile = "", audience, region } = settings;
  const at = { ...(region !== undefined && { region }) };
  const of = { ...(audience !== undefined && { audience }) };
  try {
    if (credential === "iam") return iam(at);
    if (credential === "aws-identity") return awsIdentity({ ...at, ...of });
    if (credential === "github-actions") return githubActions(of);
    if (credential === "kubernetes") {
      readText("tokenFile", tokenFile);
      return kubernetes(tokenFile);
    }
  } catch (error) {
    // Of the option that the credential lacks, such as the region.
    throw new SettingsError((error as Error).message);
  }
  if (keyFile === undefined) {
    const key = environment[keyVariable];
    if (!key) throw new SettingsError(`The caller key is missing. Give --key-file FILE, or set ${keyVariable}.`);
    return callerKey(caller, key);
  }
  const current = () => callerKey(caller, readText("keyFile", keyFile).trim());
  current();
  return { request: (order, runtime) => current().request(order, runtime) };
}
