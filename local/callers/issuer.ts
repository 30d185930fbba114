import { OAuth2Issuer, OAuth2Service } from "oauth2-mock-server";
import { listenOnLoopback, type LoopbackOptions } from "../../console/loopback-server.ts";

/** Audiences of the local issuer's JWTs; `sample-callers.ts` accepts them. */
export const pipelineAudience = "smart-token-broker";
export const portalAudience = "portal";

/** Subjects of the local issuer's users: one gets tokens, the other makes calls. */
export const [tokenUser, callUser] = ["local-user", "page-user"] as const;

/** The `client_id` that gets the JWT of the user who makes calls. */
const pageClient = "page";

/**
 * Starts an OpenID Connect issuer on 127.0.0.1, for callers with a JWT. It does not authenticate: the grant
 * `client_credentials` gets the JWT of a pipeline, any other grant that of a signed-in user of these connections: with the
 * `client_id` of `pageClient`, one who makes calls. It allows pages of every origin: examples/app signs in with it.
 */
export async function startIssuer(
  connections: string[],
  options: LoopbackOptions = {},
): Promise<{ url: string; close: () => Promise<void> }> {
  const issuer = new OAuth2Issuer();
  await issuer.keys.generate("RS256");
  const service = new OAuth2Service(issuer);
  service.on("beforeTokenSigning", (token, request) => {
    const isPipeline = request.body.grant_type === "client_credentials";
    const user = request.body.client_id === pageClient ? callUser : tokenUser;
    Object.assign(
      token.payload,
      isPipeline
        ? { aud: pipelineAudience, sub: "repo:acme/shop:ref:refs/heads/main" }
        : { aud: portalAudience, sub: user, smart_services: connections },
    );
  });
  const { url, close } = await listenOnLoopback(service.requestHandler, { ...options, pages: true });
  issuer.url = url;
  return { url, close };
}
