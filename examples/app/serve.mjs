// The application's own server: serves the files of a folder and the page's configuration. It has no secrets.
//
//   BROKER_URL  the broker          ISSUER_URL  the OpenID provider of your users
//   CONNECTION  default webapicorso CLIENT_ID   of this application at the issuer (default: page)
//   PORT        default 8788, whose origin is in the local run's list of callers
//
//   node examples/app/serve.mjs [FOLDER]     default: the folder of the application
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { basename, join, resolve } from "node:path";

const {
  BROKER_URL = "",
  ISSUER_URL = "",
  CONNECTION: connection = "webapicorso",
  CLIENT_ID: clientId = "page",
  PORT: port = 8788,
} = process.env;
const [broker, issuer] = [BROKER_URL, ISSUER_URL].map((url) => url.replace(/\/$/, ""));
// Another folder's pages may need the broker alone.
const required = process.argv[2] ? { BROKER_URL } : { BROKER_URL, ISSUER_URL };
for (const [name, value] of Object.entries(required)) {
  if (value) continue;
  console.error(`${name} is not set`);
  process.exit(1);
}
const folder = resolve(process.argv[2] ?? import.meta.dirname);
const types = { html: "text/html; charset=utf-8", js: "text/javascript", css: "text/css" };
const headers = {
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "content-security-policy": `default-src 'self'; img-src data:; connect-src 'self' ${broker} ${issuer}`,
};

/** Returns a file of the folder (never of another folder), or the page's configuration. */
async function page(pathname) {
  const name = basename(pathname) || "index.html";
  if (name === "config.json")
    return { type: "application/json", body: JSON.stringify({ broker, connection, issuer, clientId }) };
  const type = types[name.split(".").at(-1)];
  const body = type && (await readFile(join(folder, name)).catch(() => undefined));
  return body ? { type, body } : { status: 404, type: "text/plain", body: "not found" };
}

const server = createServer((request, response) => {
  void page(new URL(request.url, "http://localhost").pathname)
    .catch(() => ({ status: 400, type: "text/plain", body: "bad request" }))
    .then(({ status = 200, type, body }) => response.writeHead(status, { ...headers, "content-type": type }).end(body));
});

server.on("error", ({ code, message }) => {
  const advice = "Set PORT to another, and list its origin: npm start -- --origin http://127.0.0.1:PORT";
  console.error(code === "EADDRINUSE" ? `Port ${port} is in use. ${advice}` : message);
  process.exitCode = 1;
});
server.listen(port, "127.0.0.1", () => console.log(`ready http://127.0.0.1:${server.address().port}`));
