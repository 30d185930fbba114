import {
  type CloudWatchLogsClient,
  FilterLogEventsCommand,
  type FilteredLogEvent,
} from "@aws-sdk/client-cloudwatch-logs";
import type { DashboardEvent } from "../../dashboard/contract.ts";
import { History, keptSeconds } from "../../dashboard/history.ts";
import { readLogLine } from "../../dashboard/log-line.ts";
import { timeOfDay } from "../../console/time.ts";

/** Every notice that a person may want to see. No request has one of these levels. */
const filterPattern =
  '{ ($.level = "WARN") || ($.level = "ERROR") || ($.message = "api_key_*") || ($.message = "connection_recovered") }';

/** Pages of one log group in one reading. A page without a match still takes a second. */
const maxPages = 10;
/** Seconds that are read again, because CloudWatch stores lines late. */
const overlap = 60;

/** How far a log group was read. Instants in milliseconds. */
interface Position {
  from: number;
  until: number;
  nextToken?: string;
}

/** Follows the notices in log groups, from two hours back. FilterLogEvents costs nothing, but is slow in a large log. */
export class FollowedEvents {
  readonly #client: CloudWatchLogsClient;
  readonly #positions = new Map<string, Position>();
  readonly #found = new Map<string, FilteredLogEvent>();

  constructor(client: CloudWatchLogsClient) {
    this.#client = client;
  }

  /** Reads on. Returns all notices of the last two hours, newest first. Throws AWS's error. */
  async read(groups: string[], now: number): Promise<readonly DashboardEvent[]> {
    await Promise.all(groups.map((group) => this.#follow(group, now * 1000)));
    const history = new History();
    const oldest = (now - keptSeconds) * 1000;
    for (const [id, { timestamp = 0 }] of this.#found) if (timestamp < oldest) this.#found.delete(id);
    const sorted = [...this.#found.values()].toSorted((one, other) => (one.timestamp ?? 0) - (other.timestamp ?? 0));
    for (const { message = "" } of sorted) {
      const line = readLogLine(message);
      if (line) history.add(line);
    }
    return history.events;
  }

  /** The time of day up to which everything was read, if that is not now. */
  get behind(): string | undefined {
    const open = [...this.#positions.values()].filter(({ nextToken }) => nextToken !== undefined);
    if (open.length === 0) return undefined;
    const last = Math.max(...[...this.#found.values()].map(({ timestamp = 0 }) => timestamp), open[0]?.from ?? 0);
    return timeOfDay(new Date(last).toISOString(), last / 1000);
  }

  async #follow(group: string, now: number): Promise<void> {
    const known = this.#positions.get(group);
    const position: Position =
      known?.nextToken === undefined
        ? { from: known ? known.until - overlap * 1000 : now - keptSeconds * 1000, until: now }
        : known;
    for (let page = 0; page < maxPages; page += 1) {
      const { events = [], nextToken } = await this.#client.send(
        new FilterLogEventsCommand({
          logGroupName: group,
          filterPattern,
          startTime: Math.floor(position.from),
          endTime: Math.ceil(position.until),
          ...(position.nextToken !== undefined && { nextToken: position.nextToken }),
        }),
      );
      for (const event of events) this.#found.set(`${group} ${event.eventId}`, event);
      if (nextToken === undefined) delete position.nextToken;
      else position.nextToken = nextToken;
      if (nextToken === undefined) break;
    }
    this.#positions.set(group, position);
  }
}
