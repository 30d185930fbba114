import { Agent, createServer, request } from "node:http";

// What a proxy costs without ours: a request on a Unix socket goes to the API, and its answer back, by two pipes of node:http.
// No check, no token, no log. `pipe.ts SOCKET URL`
const [socket, url = ""] = process.argv.slice(2);
const { hostname, port, host } = new URL(url);
const agent = new Agent({ keepAlive: true });

createServer((incoming, outgoing) => {
  const { method, url: path } = incoming;
  const sent = request({ agent, hostname, port, method, path, headers: { ...incoming.headers, host } }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  incoming.pipe(sent);
}).listen(socket, () => process.stdout.write("ready\n"));
