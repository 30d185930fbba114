// OpenID Connect's authorization code flow for a page: RFC 6749 section 4.1 with PKCE (RFC 7636). It needs no secret. In
// production use a maintained library, which also refreshes and signs out.

const redirectUri = `${location.origin}${location.pathname}`;

/** Redirects the user to the issuer, which redirects back to this page. */
export async function startSignIn({ issuer, clientId }) {
  const { authorization_endpoint: endpoint } = await discover(issuer);
  const verifier = randomText();
  const state = randomText();
  sessionStorage.setItem("sign-in", JSON.stringify({ verifier, state }));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri,
    scope: "openid",
    state,
    code_challenge: base64url(digest),
    code_challenge_method: "S256",
  });
  location.assign(`${endpoint}?${query}`);
}

/** Returns the user's JWT if the issuer has just redirected back; otherwise undefined. */
export async function readSignIn({ issuer, clientId }) {
  const query = new URLSearchParams(location.search);
  const started = JSON.parse(sessionStorage.getItem("sign-in"));
  if (!query.has("state")) return undefined;
  sessionStorage.removeItem("sign-in");
  // Keep the code out of the browser's history.
  history.replaceState(null, "", redirectUri);
  if (!started || started.state !== query.get("state")) throw new Error("This page did not start this sign-in.");
  if (!query.has("code")) throw new Error(`The sign-in failed: ${query.get("error")}`);

  const { token_endpoint: endpoint } = await discover(issuer);
  const response = await fetch(endpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: clientId,
      redirect_uri: redirectUri,
      code: query.get("code"),
      code_verifier: started.verifier,
    }),
  });
  if (!response.ok) throw new Error(`The issuer answered ${response.status}`);
  return (await response.json()).id_token;
}

async function discover(issuer) {
  const response = await fetch(`${issuer}/.well-known/openid-configuration`);
  if (!response.ok) throw new Error(`The issuer answered ${response.status}`);
  return response.json();
}

const randomText = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

function base64url(bytes) {
  const text = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
