/**
 * The cache that most teams write: the token in a variable of the module, renewed when less than a minute is left.
 *
 * @param exchange one API-key request; `expires_in` is seconds
 */
export function moduleCache<Registration>(
  exchange: (registration: Registration) => Promise<{ access_token: string; expires_in: number }>,
): (registration: Registration) => Promise<string> {
  let cached: { token: string; expiresAt: number } | undefined;
  return async (registration) => {
    if (!cached || cached.expiresAt < Date.now() + 60_000) {
      const { access_token: token, expires_in: lifetime } = await exchange(registration);
      cached = { token, expiresAt: Date.now() + lifetime * 1000 };
    }
    return cached.token;
  };
}
