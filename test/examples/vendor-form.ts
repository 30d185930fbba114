/** How the clients of the vendor's page differ in what they send. */
export interface Dialect {
  contentType: string;
  /** The head of a part. */
  head: (field: string) => string[];
}

/** curl, and axios with form-data. */
export const plain: Dialect = {
  contentType: "multipart/form-data; boundary=BOUNDARY",
  head: (field) => [`Content-Disposition: form-data; name="${field}"`],
};

/** FormData and fetch of a browser. The page sets the Content-Type itself, so the header has no boundary. */
export const withoutBoundary: Dialect = { ...plain, contentType: "multipart/form-data" };

/** HttpClient and MultipartFormDataContent of .NET. */
export const dotnet: Dialect = {
  contentType: 'multipart/form-data; boundary="BOUNDARY"',
  head: (field) => ["Content-Type: text/plain; charset=utf-8", `Content-Disposition: form-data; name=${field}`],
};

/** What an example of the vendor's page sends, with another credential, in the form of `formOf`. */
export function vendorForm({ contentType, head }: Dialect, credential: string): object {
  const part = (field: string, value: string) => ["--BOUNDARY", ...head(field), "", value];
  return {
    request: "POST /api/v1/auth/token",
    accept: "application/json",
    "accept-language": "it-IT",
    "content-type": contentType,
    lines: [
      ...part("username", "admin_webapicorso"),
      ...part("scope", "webapicorso_alywebapicorso"),
      ...part("token", `Bearer ${credential}`),
      "--BOUNDARY--",
      "",
    ],
  };
}
