import { spawnSync } from "node:child_process";

/** Installs packages of Debian as root. Otherwise throws an error that names them in one line. */
export function install(packages: string[], isThere: () => boolean): void {
  if (isThere()) return;
  if (process.getuid?.() === 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const aptGet = (...args: string[]) => spawnSync("/usr/bin/apt-get", args, { stdio: "ignore", env });
    aptGet("update", "-q");
    aptGet("install", "-qy", "--no-install-recommends", ...packages);
    if (isThere()) return;
  }
  throw new Error(`These tests need some of Debian's packages: apt-get install ${packages.join(" ")}`);
}
