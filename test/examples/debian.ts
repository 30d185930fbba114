import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Installs packages of Debian as root. Otherwise throws an error that names them in one line. */
export function install(packages: string[], isThere: () => boolean): void {
  if (isThere()) return;
  if (process.getuid?.() === 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    // Another script may install too, and apt-get fails if one is running.
    const lock = join(tmpdir(), "smart-token-broker-apt-get.lock");
    const aptGet = (...args: string[]) =>
      spawnSync("/usr/bin/flock", [lock, "/usr/bin/apt-get", ...args], { stdio: "ignore", env });
    aptGet("update", "-q");
    aptGet("install", "-qy", "--no-install-recommends", ...packages);
    if (isThere()) return;
  }
  throw new Error(`These tests need some of Debian's packages: apt-get install ${packages.join(" ")}`);
}
