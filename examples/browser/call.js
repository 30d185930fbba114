// Calls Smart Services through the broker with the JWT of the signed-in user. The page never holds a token, and needs no library. Its
// origin must be one of the caller's `origins`, and a rule in the caller's `calls` must allow the path.
// The page shows only 'Failed to fetch'? The log of the broker names a rejected origin: docs/callers.md#throttle-and-cors

/** Returns the answer of Smart Services as text. Throws if the broker answered. */
async function getCustomers(host, credential) {
  // The broker puts the connection's scope in the place of {scope}.
  const response = await fetch(`${host}/v1/connections/webapicorso/api/api/v1/%7Bscope%7D/CO/Customers`, {
    headers: { authorization: `Bearer ${credential}` },
    // A redirect would send the credential to another server.
    redirect: "error",
  });
  const text = await response.text();
  if (response.headers.get("broker-response") !== "api") throw new Error(text);
  return text;
}

document.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const { host, credential } = event.target.elements;
  const output = document.querySelector("#answer");
  output.textContent = "";
  void getCustomers(host.value.replace(/\/$/, ""), credential.value)
    .catch(String)
    .then((text) => (output.textContent = text));
});
