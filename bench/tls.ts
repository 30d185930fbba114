import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];

/** Makes a certificate for servers on 127.0.0.1. A client trusts it by `NODE_EXTRA_CA_CERTS`. Needs `openssl`. */
export function newCertificate(folder: string): { key: string; certificate: string } {
  const files = { key: join(folder, "key.pem"), certificate: join(folder, "certificate.pem") };
  const paths = ["-keyout", files.key, "-out", files.certificate];
  execFileSync("openssl", ["req", "-x509", "-nodes", "-days", "1", ...curve, ...subject, ...paths], {
    stdio: "ignore",
  });
  return files;
}

/** Starts a proxy with TLS in front of a server. */
export async function startTls(target: string, files: ReturnType<typeof newCertificate>) {
  const credentials = { key: readFileSync(files.key), cert: readFileSync(files.certificate) };
  const server = createServer(credentials, (incoming, outgoing) => {
    const { method, headers, url = "/" } = incoming;
    const sent = { method, headers: { ...headers, host: new URL(target).host } };
    const forwarded = request(new URL(url, target), sent, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing);
    });
    incoming.pipe(forwarded);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `https://127.0.0.1:${port}`, server, close: () => server.close().closeAllConnections() };
}
