import { existsSync } from "node:fs";
import { install } from "../examples/debian.ts";

/** Before the tests: Debian's C# compiler and runtime, and the libraries with HttpClient and with the reader of JSON. */
export default function setup(): void {
  const libraries = ["System.Net.Http.dll", "System.Runtime.Serialization.dll"].map(
    (file) => `/usr/lib/mono/4.5/${file}`,
  );
  const packages = ["libmono-system-net-http4.0-cil", "libmono-system-runtime-serialization4.0-cil"];
  const files = ["/usr/bin/mcs", "/usr/bin/mono", ...libraries];
  install(["mono-mcs", "mono-runtime", ...packages], () => files.every(existsSync));
}
