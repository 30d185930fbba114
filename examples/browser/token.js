// Requests an access token as the vendor's example does, with FormData and fetch. The credential is the JWT of the signed-in user,
// never a caller key. The page's origin must be one of the caller's `origins`.
// The page shows only 'Failed to fetch'? The log of the broker names a rejected origin: docs/callers.md#throttle-and-cors

/** Returns the token response as text. Throws if the response is not a token. */
async function fetchToken(host, credential) {
  const headers = new Headers();
  headers.append("accept-language", "it-IT");
  // The vendor's page sets this header, without a boundary. Without it, the browser adds one. The broker reads both.
  headers.append("Content-Type", "multipart/form-data");
  headers.append("Accept", "application/json");

  const form = new FormData();
  form.append("username", "admin_webapicorso");
  form.append("scope", "webapicorso_alywebapicorso");
  form.append("token", `Bearer ${credential}`);

  const response = await fetch(`${host}/api/v1/auth/token`, {
    method: "POST",
    headers,
    body: form,
    // The vendor's page follows redirects: one would send the credential to another server.
    redirect: "error",
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(text);
  return text;
}

document.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const { host, credential } = event.target.elements;
  const output = document.querySelector("#answer");
  output.textContent = "";
  void fetchToken(host.value.replace(/\/$/, ""), credential.value)
    .catch(String)
    .then((text) => (output.textContent = text));
});
