// Asks for an access token in the vendor's words, with FormData and fetch. The credential is the JWT that your page has
// of its signed-in user, never a caller key; the page's origin must be one of the caller's `origins`.

/** The answer of the token endpoint, as text. Throws for any but a token. */
async function fetchToken(host, credential) {
  const headers = new Headers();
  headers.append("accept-language", "it-IT");
  // As the vendor's page has it. Left out, the browser would name the boundary too; the broker reads both.
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
    redirect: "follow",
  });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}

document.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const { host, credential } = event.target.elements;
  const answer = document.querySelector("#answer");
  answer.textContent = "";
  void fetchToken(host.value, credential.value)
    .catch(String)
    .then((text) => (answer.textContent = text));
});
