/**
 * A client under test with everything around it in the test's hand: a clock that only moves when
 * told, sockets that record what is sent, and a window that never fires by itself.
 */
import { readFile } from "node:fs/promises";

/** Import a module by its path in the repository, if it imports nothing itself. */
export async function load(path) {
  const source = await readFile(new URL(`../../${path}`, import.meta.url), "utf8");
  // As a data URL: a plain .js file without a package.json is no ES module to every Node.
  return import(`data:text/javascript,${encodeURIComponent(source)}`);
}

export const { RealtimeClient, RealtimeError, encodeValue, decodeValue } = await load(
  "realtime/server/static/realtime.js",
);

/** Timers that run when `advance` passes their time, in order. */
export class FakeClock {
  time = 1_763_800_000_000;
  randomNumber = 0;
  #timers = new Map();
  #nextTimer = 1;

  now = () => this.time;
  random = () => this.randomNumber;

  setTimeout = (run, delay) => {
    const timer = this.#nextTimer++;
    this.#timers.set(timer, { at: this.time + delay, run });
    return timer;
  };

  clearTimeout = (timer) => void this.#timers.delete(timer);

  advance(duration) {
    const end = this.time + duration;
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= end);
      if (due.length === 0) break;
      const [timer, { at, run }] = due.reduce((a, b) => (b[1].at < a[1].at ? b : a));
      this.#timers.delete(timer);
      this.time = at;
      run();
    }
    this.time = end;
  }

  /** Move the time without running timers, as a sleeping machine does. */
  sleep(duration) {
    this.time += duration;
  }
}

/** The server's end of one socket. */
export class FakeSocket {
  sent = [];
  isClosed = false;
  #version = version(0, 0);

  constructor(url) {
    this.url = url;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.isClosed = true;
  }

  open() {
    this.onopen();
  }

  /** Return what was sent since the last call. */
  takeSent() {
    return this.sent.splice(0);
  }

  receive(message) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  /** Send a transition that follows the one before. */
  transition(querySet, timestamp, modifications = []) {
    const message = this.nextTransition(querySet, timestamp, modifications);
    this.receive(message);
  }

  nextTransition(querySet, timestamp, modifications = []) {
    const startVersion = this.#version;
    const endVersion = version(querySet, timestamp);
    this.#version = endVersion;
    const [clientClockSkew, serverTs] = [null, null];
    return {
      type: "Transition",
      startVersion,
      endVersion,
      modifications,
      clientClockSkew,
      serverTs,
    };
  }

  succeed(requestId, result, timestamp) {
    const ts = encodeTimestamp(timestamp);
    this.receive({ type: "MutationResponse", requestId, success: true, result, ts, logLines: [] });
  }

  fail(requestId, result, rest = {}) {
    const response = { type: "MutationResponse", requestId, success: false, result, ts: null };
    this.receive({ ...response, logLines: [], ...rest });
  }

  /** Break the connection from the server's side. */
  drop(code = 1006, reason = "") {
    this.onclose?.({ code, reason });
  }
}

class FakeDocument extends EventTarget {
  visibilityState = "visible";
}

class FakeWindow extends EventTarget {
  document = new FakeDocument();
}

/** Make a client; `sockets` grows by one with each try to connect. */
export function start(address = "http://127.0.0.1:3210") {
  const clock = new FakeClock();
  const window = new FakeWindow();
  const sockets = [];
  class WebSocketImpl extends FakeSocket {
    constructor(url) {
      super(url);
      sockets.push(this);
    }
  }
  const client = new RealtimeClient(address, { WebSocketImpl, clock, window });
  return { client, clock, window, sockets };
}

/** Like `start`, with the first socket open and the greeting taken. */
export function startConnected() {
  const world = start();
  const [socket] = world.sockets;
  socket.open();
  socket.takeSent();
  return { ...world, socket };
}

export function updated(queryId, value, journal = null) {
  return { type: "QueryUpdated", queryId, value, logLines: [], journal };
}

export function failed(queryId, errorMessage, rest = {}) {
  return { type: "QueryFailed", queryId, errorMessage, logLines: [], journal: null, ...rest };
}

export function version(querySet, timestamp) {
  return { querySet, identity: 0, ts: encodeTimestamp(timestamp) };
}

export function encodeTimestamp(timestamp) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(timestamp));
  return bytes.toString("base64");
}

/** Let promises and microtasks run. */
export function settle() {
  return new Promise((resolve) => setImmediate(resolve));
}
