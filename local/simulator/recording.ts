import type { IncomingHttpHeaders } from "node:http";

/** One part of a multipart body, as received; `contentType` is absent if the part has none. */
export interface ReceivedField {
  name: string;
  value: string;
  contentType?: string;
}

/** A request as received, with its secrets: for tests only, no endpoint shows it. `at`: epoch seconds. */
export interface ReceivedRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  fields: ReceivedField[];
  at: number;
}

/**
 * The parts of a multipart body, in order. It is for recording: it skips what it cannot read, and checks nothing.
 */
export function readFields(contentType: string, body: string): ReceivedField[] {
  const boundary = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType);
  if (!boundary) return [];
  const parts = `\r\n${body}`.split(`\r\n--${boundary[1] ?? boundary[2]}`).slice(1);
  return parts.flatMap((part) => {
    const headEnd = part.indexOf("\r\n\r\n");
    const head = part.slice(0, headEnd);
    const name = /^content-disposition:.*;\s*name=(?:"([^"]*)"|([^\s;]+))/im.exec(head);
    const partType = /^content-type:\s*(.+?)\s*$/im.exec(head)?.[1];
    if (headEnd < 0 || !name) return [];
    const value = part.slice(headEnd + 4);
    return [{ name: name[1] ?? name[2] ?? "", value, ...(partType !== undefined && { contentType: partType }) }];
  });
}
