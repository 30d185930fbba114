import { type Credential, jwt } from "./credentials.ts";

/**
 * The projected token of a Kubernetes service account. Reads the file for each request to the broker, because the kubelet
 * replaces it.
 *
 * @param path of the projected volume, with the audience of the broker's entry; never the default token of the pod
 */
export function kubernetes(path: string): Credential {
  if (!path) throw new TypeError("kubernetes: the path is missing. Give the path of the projected token.");
  return jwt(async () => {
    const { readFile } = await import("node:fs/promises");
    return (await readFile(path, "utf8")).trim();
  });
}
