import { existsSync } from "node:fs";
import { install } from "../examples/debian.ts";

/** Before the tests: Debian's C# compiler and runtime, and the libraries for HTTP and JSON. */
export default function setup(): void {
  const files = [
    "/usr/bin/mcs",
    "/usr/bin/mono",
    "/usr/lib/mono/4.5/System.Net.Http.dll",
    "/usr/lib/mono/4.5/System.Runtime.Serialization.dll",
  ];
  install(
    ["mono-mcs", "mono-runtime", "libmono-system-net-http4.0-cil", "libmono-system-runtime-serialization4.0-cil"],
    () => files.every(existsSync),
  );
}
