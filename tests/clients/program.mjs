/**
 * A program that a test drives: one JSON object as argument, JSON lines on standard output and,
 * where the test says more later, JSON lines on standard input.
 */

import { createInterface } from "node:readline";

const DEADLINE_MS = 50_000;

/** Print one JSON line for the test. @param {object} message */
export function tell(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** The JSON lines of the test, as they come. */
export async function* commands() {
  for await (const line of createInterface({ input: process.stdin })) yield JSON.parse(line);
}

/**
 * Run the program and tell its result; a failure or a passed deadline ends it with its reason.
 *
 * @param {(args: any) => Promise<object | void>} main
 * @param {{ deadlineMs?: number }} [options]
 */
export async function run(main, { deadlineMs = DEADLINE_MS } = {}) {
  const timer = setTimeout(() => fail(`No result within ${deadlineMs} ms`), deadlineMs);
  process.on("unhandledRejection", (error) => fail(error));
  try {
    const result = await main(JSON.parse(process.argv[2]));
    if (result) tell(result);
  } catch (error) {
    return fail(error);
  }
  clearTimeout(timer);
  process.exit(0);
}

function fail(error) {
  console.error(error, "\nLast step:", lastStep);
  process.exit(1);
}

let lastStep = "none";

/** Await what has a name, so that a program that hangs can say where. @template T */
export async function step(name, promise) {
  lastStep = name;
  return await promise;
}

/** A value that changes, and waiting for it to be as wanted. */
export class Watched {
  /** @type {any[]} */ values = [];
  #waiting = new Set();

  set(value) {
    this.values.push(value);
    for (const check of [...this.#waiting]) check();
  }

  get last() {
    return this.values.at(-1);
  }

  /** Resolve with the newest value once it passes the test. @param {(value: any) => boolean} test */
  until(test) {
    return new Promise((resolve) => {
      const check = () => {
        if (this.values.length === 0 || !test(this.last)) return;
        this.#waiting.delete(check);
        resolve(this.last);
      };
      this.#waiting.add(check);
      check();
    });
  }
}
