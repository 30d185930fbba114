// Signs the user in at your issuer (authorization code with PKCE), and calls Smart Services through the broker with the user's
// JWT. The page never holds a token of Smart Services. The JWT is only in this page's memory.
import { readSignIn, startSignIn } from "./sign-in.js";

const config = await (await fetch("config.json")).json();
const show = (id, isShown) => (document.getElementById(id).hidden = !isShown);

let userJwt;

async function callSmartServices() {
  // The broker puts the connection's scope in the place of {scope}.
  const path = "api/v1/%7Bscope%7D/CO/Customers";
  const response = await fetch(`${config.broker}/v1/connections/${config.connection}/api/${path}`, {
    headers: { authorization: `Bearer ${userJwt}` },
    // A redirect would send the user's JWT to another server.
    redirect: "error",
  });
  const result = await response.json();
  // Without this header, API Gateway answered.
  if (response.headers.get("broker-response") !== "api") {
    throw new Error(`The broker answered: ${result.detail ?? result.message}`);
  }
  step(`Smart Services answered ${response.status}`);
  document.getElementById("answer").textContent = JSON.stringify(result, null, 2);
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
