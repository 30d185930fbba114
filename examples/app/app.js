// Sign-in by authorization code and PKCE at your issuer; the user's JWT for a short-lived access token at the broker;
// the access token for an answer of Smart Services. What is secret is in this page's memory, and nowhere else.
import { readSignIn, startSignIn } from "./sign-in.js";

const tokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange";
const idTokenType = "urn:ietf:params:oauth:token-type:id_token";

/** Seconds that should be left of a token that is used. */
const margin = 30;

const config = await (await fetch("config.json")).json();
const show = (id, isShown) => (document.getElementById(id).hidden = !isShown);

let userJwt;
let token;

/** An access token that is good for some seconds: the one that is there, or another from the broker. */
async function freshToken() {
  if (token && token.until > Date.now() / 1000 + margin) return token;
  const response = await fetch(`${config.broker}/oauth/token`, {
    method: "POST",
    // Whoever may use more than one connection names one in `scope`.
    body: new URLSearchParams({
      grant_type: tokenExchange,
      subject_token: userJwt,
      subject_token_type: idTokenType,
    }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`The broker answered: ${answer.error_description ?? answer.message}`);
  token = { value: answer.access_token, scope: answer.scope, until: Date.now() / 1000 + answer.expires_in };
  step(`A token of ${token.scope}, good for ${answer.expires_in} s`);
  return token;
}

/** Calls Smart Services by way of this page's own server: see README.md. */
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
