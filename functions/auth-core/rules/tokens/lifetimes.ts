/** The longest accepted lifetime of an access token, in seconds. */
export const maxAcceptedLifetime = 7 * 24 * 3600;

/** Lifetimes of the vendor's page, in seconds: used if a response states none. */
export const documentedLifetime = 3600;
export const documentedRefreshLifetime = 30 * 24 * 3600;
