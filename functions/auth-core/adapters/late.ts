// What a cold start and the adapters that are loaded late have in common. Those adapters import it from here, and from
// nowhere else: then esbuild puts all of it into one chunk. Otherwise a cold start loads a chunk for each combination.
export { UnavailableError } from "../rules/failure.ts";
export { clockTolerance, jwtAlgorithms } from "../rules/jwt.ts";
export { parseRegistration } from "../rules/upstream/registration.ts";
export { Secret } from "../rules/secret.ts";
export { eventSource, secretName } from "../rules/settings.ts";
export { maxBodyBytes, parseTokenResponse } from "../rules/upstream/upstream-response.ts";
export { OversizedBodyError, readBody } from "./read-body.ts";
