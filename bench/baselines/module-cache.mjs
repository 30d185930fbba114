/**
 * The cache that most teams write: the token in a variable of the module, renewed when less than a minute is left.
 *
 * @param {(registration: object) => Promise<{ access_token: string, expires_in: number }>} exchange one API-key request
 */
export function moduleCache(exchange) {
  let cached;
  return async (registration) => {
    if (!cached || cached.expiresAt < Date.now() + 60_000) {
      const { access_token, expires_in } = await exchange(registration);
      cached = { access_token, expiresAt: Date.now() + expires_in * 1000 };
    }
    return cached.access_token;
  };
}
