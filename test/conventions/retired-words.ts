/** A word that is no longer used here. This file is the only one that may hold them. */
interface RetiredWord {
  /** Regular expression for the word with its inflections. A blank stands for any space, line breaks included. */
  pattern: string;
  /** What to write instead. */
  use: string;
  /** Texts in which the test must find it. */
  planted: string[];
}

export const retiredWords: RetiredWord[] = [
  { pattern: "whoever", use: "name who acts: callers, the operator", planted: ["Whoever asks", "whoever\n// asks"] },
  { pattern: "whence", use: "source", planted: ["tells whence it came", '{ "whence": 1 }'] },
  { pattern: "whom", use: "name the person or the caller", planted: ["says to whom it belongs"] },
  { pattern: "mend(s|ed|ing)?", use: "fix", planted: ["**Mend** it", "it mends", "isMended()", "mend_it", "mending"] },
  { pattern: "moods?", use: "scenario", planted: ["in a bad mood", "setMood(moods)", "MOOD"] },
  { pattern: "chaos", use: "scenario", planted: ["--chaos", "chaosModes"] },
  { pattern: "(is|are) told", use: "receives, or: the broker notifies …", planted: ["is told", "are\n * told"] },
  { pattern: "(is|be) had", use: "is available", planted: ["is had", "none is to be had", "No token can be had"] },
  { pattern: "(is|are) asked again", use: "retries", planted: ["Smart Services is asked again"] },
  { pattern: "looked at", use: "reads, or: checks", planted: ["the item is looked at", "lookedAt"] },
  { pattern: "told how", use: "the error says how to …", planted: ["is told how"] },
  {
    pattern: "(go|goes|going|gone|went) on with",
    use: "resumes, or: continues",
    planted: ["goes on with", "gone on with"],
  },
  { pattern: "of age", use: "old", planted: ["a day of age"] },
  { pattern: "asked for by", use: "requested by", planted: ["asked\n  # for by name"] },
  { pattern: "a shape that", use: "an unrecognised response", planted: ["in a shape that is not known"] },
  { pattern: "nobody knows", use: "unknown, or: unrecognised", planted: ["a shape nobody knows"] },
  { pattern: "behind everybody['’]s back", use: "without callers noticing", planted: ["behind everybody’s back"] },
  { pattern: "the ways of", use: "the behaviour of", planted: ["the ways of a real upstream"] },
  {
    pattern: "(a log|requests and) events?",
    use: "log line, or: notices",
    planted: ["the text of a log event", "states, requests and events"],
  },
  { pattern: "for none", use: "as expired, or: as missing", planted: ["takes the last 5 s for none"] },
  {
    pattern: "buy(s|ing)? (a|access) tokens?",
    use: "exchanges … for a token",
    planted: ["buys a token", "buys access tokens"],
  },
];
