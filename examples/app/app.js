// Signs the user in at your issuer (authorization code with PKCE), exchanges the user's JWT for a short-lived access token
// at the broker, and calls Smart Services with it. Secrets are only in this page's memory.
import { readSignIn, startSignIn } from "./sign-in.js";

const tokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange";
const idTokenType = "urn:ietf:params:oauth:token-type:id_token";

/** Seconds that a token must have left to be used. */
const margin = 30;

const config = await (await fetch("config.json")).json();
const show = (id, isShown) => (document.getElementById(id).hidden = !isShown);

let userJwt;
let token;

/** Returns the access token, or requests another from the broker if less than `margin` is left. */
async function freshToken() {
  if (token && token.until > Date.now() / 1000 + margin) return token;
  const response = await fetch(`${config.broker}/oauth/token`, {
    method: "POST",
    // One would send the user's JWT to another server.
    redirect: "error",
    // A caller with several connections names one in `scope`.
    body: new URLSearchParams({
      grant_type: tokenExchange,
      subject_token: userJwt,
      subject_token_type: idTokenType,
    }),
  });
  const result = await response.json();
  if (response.status !== 200) throw new Error(`The broker answered: ${result.error_description ?? result.message}`);
  token = { value: result.access_token, scope: result.scope, until: Date.now() / 1000 + result.expires_in };
  step(`Got a token of ${token.scope}, valid for ${result.expires_in} s`);
  return token;
}

/** Calls Smart Services through this page's own server; examples/README.md says why. */
async function callSmartServices() {
  const { value, scope } = await freshToken();
  const response = await fetch(`api/v1/${scope}/CO/Customers`, { headers: { authorization: `Bearer ${value}` } });
  step(`Smart Services answered ${response.status}`);
  document.getElementById("answer").textContent = JSON.stringify(await response.json(), null, 2);
}

function step(text, className = "") {
  const item = document.createElement("li");
  item.textContent = text;
  item.className = className;
  document.getElementById("steps").append(item);
}

const orShow = (work) => () => work().catch((error) => step(error.message, "failed"));

document.getElementById("sign-in").addEventListener(
  "click",
  orShow(() => startSignIn(config)),
);
document.getElementById("call").addEventListener("click", orShow(callSmartServices));

await orShow(async () => {
  userJwt = await readSignIn(config);
  if (!userJwt) return;
  show("sign-in", false);
  show("call", true);
  step("Signed in");
})();
