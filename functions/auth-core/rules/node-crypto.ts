// Not `import`: as an ES module, node:crypto also loads the Web Crypto API, which takes most of a millisecond of a cold start.
export const { createHash, createHmac, timingSafeEqual } = process.getBuiltinModule("node:crypto");
