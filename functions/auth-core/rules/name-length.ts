/** Characters of a username or scope. In a file of its own: a cold start that checks a name needs no more of a registration. */
export const maxNameLength = 256;
