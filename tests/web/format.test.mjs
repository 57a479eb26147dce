import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./harness.mjs";

const { formatAgo, formatCount, formatDay, formatError, linkTarget, messageParts } =
  await load("web/format.js");

const HEADING = "[Request ID: 0123456789abcdef] Server Error";

function error(message, data) {
  return Object.assign(new Error(message), data === undefined ? {} : { data });
}

test("an error reads as its reason alone", () => {
  const reasons = {
    [`${HEADING}\nUncaught ApplicationError: No such session\n    at send (x.py:1)\n`]:
      "No such session",
    [`${HEADING}\nArgumentValidationError: Wrong id\nPath: .sessionId\n\n  Called by client`]:
      "Wrong id\nPath: .sessionId",
    [HEADING]: "The server reported an error (request 0123456789abcdef).",
    "The client was closed": "The client was closed",
    "": "The server reported an error.",
  };

  for (const [message, reason] of Object.entries(reasons)) {
    assert.equal(formatError(error(message)), reason);
  }
});

test("the data of an error speaks where it can", () => {
  assert.equal(formatError(error(HEADING, "Not today")), "Not today");
  assert.equal(formatError(error(HEADING, { message: "Not now" })), "Not now");
  assert.equal(formatError(error(HEADING, { code: "SessionNotFound" })), "Session not found.");
  assert.equal(formatError(error(`${HEADING}\nWhy`, { code: "X" })), "Why");
});

test("code is told from text, and the lines around a block go with it", () => {
  const parts = messageParts("Use `x`:\n\n```ts\na < b\n\nc\n```\n\nDone");

  assert.deepEqual(parts, [
    { kind: "text", text: "Use " },
    { kind: "code", text: "x" },
    { kind: "text", text: ":" },
    { kind: "block", text: "a < b\n\nc" },
    { kind: "text", text: "Done" },
  ]);
});

test("marks that do not close are text", () => {
  for (const text of ["```\nopen", "a ` b", "``", "<b>\n</b>"]) {
    assert.deepEqual(messageParts(text), [{ kind: "text", text }]);
  }
  assert.deepEqual(messageParts("```\n\n```"), []);
});

test("only web addresses are linked to", () => {
  assert.equal(linkTarget("https://example.org/a"), "https://example.org/a");
  for (const text of ["javascript:alert(1)", "data:text/html,x", "/a", "", undefined, null]) {
    assert.equal(linkTarget(text), null);
  }
});

test("a count agrees with its noun", () => {
  assert.equal(formatCount(1, "file"), "1 file");
  assert.equal(formatCount(0, "file"), "0 files");
  assert.equal(formatCount(2, "change waits", "changes wait"), "2 changes wait");
});

test("days are counted by the calendar", () => {
  const noon = new Date(2026, 2, 10, 12).getTime();
  const [today, yesterday] = [10, 9].map((day) => formatDay(new Date(2026, 2, day, 1), noon));
  const lateYesterday = formatDay(new Date(2026, 2, 9, 23, 59), noon);

  assert.notEqual(today, yesterday);
  assert.equal(yesterday, lateYesterday);
  assert.match(formatDay(new Date(2024, 2, 10), noon), /2024/);
});

test("a time ahead of our clock is now", () => {
  assert.equal(formatAgo(2_000, 1_000), formatAgo(1_000, 1_000));
  assert.notEqual(formatAgo(0, 120_000), formatAgo(0, 60_000));
});
