/** How times, errors and message texts read. Pure functions: no element, no clock of their own. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const dayWithYear = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
const shortDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
const relativeDay = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

/** @param {number} ms */
export function formatTime(ms) {
  return time.format(ms);
}

/** @param {number} ms */
export function formatFull(ms) {
  return full.format(ms);
}

/** Return "5 min. ago" and the like; from a day on, the day. */
export function formatAgo(ms, now) {
  const age = Math.max(0, now - ms);
  if (age < MINUTE) return relative.format(0, "second");
  if (age < HOUR) return relative.format(-Math.floor(age / MINUTE), "minute");
  if (age < DAY) return relative.format(-Math.floor(age / HOUR), "hour");
  return shortDay.format(ms);
}

/** Return "Today", "Yesterday", or the date. */
export function formatDay(ms, now) {
  const days = Math.round((startOfDay(now) - startOfDay(ms)) / DAY);
  if (days === 0 || days === 1) return capitalize(relativeDay.format(-days, "day"));
  const isThisYear = new Date(ms).getFullYear() === new Date(now).getFullYear();
  return (isThisYear ? day : dayWithYear).format(ms);
}

/** Return "14:05" for today, else the short day and the time. */
export function formatStart(ms, now) {
  const isToday = startOfDay(ms) === startOfDay(now);
  return isToday ? time.format(ms) : `${shortDay.format(ms)}, ${time.format(ms)}`;
}

/** @param {number} ms @returns {number} the same for all times of one local day */
export function startOfDay(ms) {
  return new Date(ms).setHours(0, 0, 0, 0);
}

function capitalize(text) {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

/** @param {number} count @param {string} one @param {string} [many] */
export function formatCount(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}

/**
 * Return what a person should read of an error: the reason, without request id and stack.
 *
 * A server that hides its reasons leaves a code at best, else the id under which its log has more.
 *
 * @param {Error & { data?: any }} error
 */
export function formatError({ message, data }) {
  if (typeof data === "string") return data;
  if (typeof data?.message === "string") return data.message;
  const [heading, requestId] = message.match(/^\[Request ID: (\w+)\] Server Error\s*/) ?? [""];
  const [text] = message.slice(heading.length).split(/\n\s+at |\n\n/);
  const reason = text.replace(/^(Uncaught )?(\w*Error: )?/, "").trim();
  if (reason) return reason;
  if (typeof data?.code === "string") return `${sentence(data.code)}.`;
  return `The server reported an error${requestId ? ` (request ${requestId})` : ""}.`;
}

/** Return "Session not found" for "SessionNotFound". */
function sentence(code) {
  return capitalize(code.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => ` ${letter}`).toLowerCase());
}

/**
 * Cut a message into its parts: text, `code` and fenced blocks.
 *
 * @param {string} content
 * @returns {{ kind: "text" | "code" | "block", text: string }[]} in order; none is empty
 */
export function messageParts(content) {
  const parts = [];
  const pattern = /^```[^\n`]*\n([\s\S]*?)\n?^```[ \t]*$\n?|`([^`\n]+)`/gm;
  let end = 0;
  for (const match of content.matchAll(pattern)) {
    parts.push({ kind: "text", text: content.slice(end, match.index) });
    const isBlock = match[1] !== undefined;
    parts.push({ kind: isBlock ? "block" : "code", text: isBlock ? match[1] : match[2] });
    end = match.index + match[0].length;
  }
  parts.push({ kind: "text", text: content.slice(end) });
  return parts
    .map(({ kind, text }, index) => {
      if (kind !== "text") return { kind, text };
      const afterBlock = parts[index - 1]?.kind === "block";
      const beforeBlock = parts[index + 1]?.kind === "block";
      const trimmed = afterBlock ? text.replace(/^\n+/, "") : text;
      return { kind, text: beforeBlock ? trimmed.replace(/\n+$/, "") : trimmed };
    })
    .filter(({ text }) => text !== "");
}

/** Return the URL if it is safe to link to: http or https; else null. @param {unknown} text */
export function linkTarget(text) {
  try {
    const url = new URL(String(text));
    return ["http:", "https:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
