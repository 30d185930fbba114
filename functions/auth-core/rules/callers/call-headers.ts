/** The request headers that reach the API, besides `accept-encoding`. All others end here. */
export const callRequestHeaders = [
  "accept",
  "accept-language",
  "content-type",
  "content-encoding",
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
  "if-range",
  "range",
  "prefer",
  "idempotency-key",
  "x-request-id",
  "traceparent",
  "tracestate",
];

/** The response headers that reach the caller as they are. */
export const callResponseHeaders = [
  "content-type",
  "content-encoding",
  "content-language",
  "content-disposition",
  "content-range",
  "accept-ranges",
  "etag",
  "last-modified",
  "retry-after",
  "allow",
  "x-total-count",
  "x-pagination",
  "x-request-id",
];
