import { OAuth2Server } from "oauth2-mock-server";

/** For whom the local issuer's JWTs are: see `sample-callers.ts`. */
export const pipelineAudience = "smart-token-broker";
export const portalAudience = "portal";

/**
 * An OpenID Connect issuer on 127.0.0.1, for the callers who come with a JWT. It signs whatever it is asked for: with
 * `client_credentials` the token of a pipeline, else that of a signed-in user who may use these connections.
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
  // It would call itself localhost, which may be another address family than the one that it listens on.
  const url = `http://127.0.0.1:${server.address().port}`;
  server.issuer.url = url;
  return { url, close: () => server.stop() };
}
