import { type Credential, jwt } from "./credentials.ts";

/**
 * The OIDC token of a job of GitHub Actions. The job needs `permissions: id-token: write`.
 *
 * @param of.audience as in the broker's entry
 */
export function githubActions({ audience = "smart-token-broker" }: { audience?: string } = {}): Credential {
  return jwt(async () => {
    const { ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } = process.env;
    if (!address || !token) {
      throw new Error(
        "The job has no OIDC token. Add `permissions: id-token: write` to the job, or run it in GitHub Actions.",
      );
    }
    const url = new URL(address);
    url.searchParams.set("audience", audience);
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` }, redirect: "error" });
    if (!response.ok) throw new Error(`GitHub answered ${response.status} to the request for the job's OIDC token.`);
    const { value } = (await response.json()) as { value?: unknown };
    if (typeof value !== "string") throw new Error("GitHub's response has no OIDC token.");
    return value;
  });
}
