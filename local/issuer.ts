import { OAuth2Server } from "oauth2-mock-server";

/** Audiences of the local issuer's JWTs; `sample-callers.ts` accepts them. */
export const pipelineAudience = "smart-token-broker";
export const portalAudience = "portal";

/**
 * Starts an OpenID Connect issuer on 127.0.0.1, for callers with a JWT. It does not authenticate: the grant
 * `client_credentials` gets the JWT of a pipeline, any other grant that of a signed-in user of these connections.
 */
export async function startIssuer(connections: string[]): Promise<{ url: string; close: () => Promise<void> }> {
  const server = new OAuth2Server();
  await server.issuer.keys.generate("RS256");
  server.service.on("beforeTokenSigning", (token, request) => {
    const isPipeline = request.body.grant_type === "client_credentials";
    Object.assign(
      token.payload,
      isPipeline
        ? { aud: pipelineAudience, sub: "repo:acme/shop:ref:refs/heads/main" }
        : { aud: portalAudience, sub: "local-user", smart_services: connections },
    );
  });
  await server.start(0, "127.0.0.1");
  // By default it calls itself localhost, which can resolve to IPv6; it listens on IPv4 only.
  const url = `http://127.0.0.1:${server.address().port}`;
  server.issuer.url = url;
  return { url, close: () => server.stop() };
}
