declare module "dynalite" {
  import type { Server } from "node:http";
  /** Milliseconds that a new table stays in CREATING. */
  export default function dynalite(options?: { createTableMs?: number }): Server;
}
