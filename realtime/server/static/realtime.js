/**
 * Live queries and mutations over one WebSocket, for browsers and other JavaScript hosts.
 *
 * The server pushes; the client's part is to show one consistent state at any moment, whatever the
 * network does. Three rules carry that:
 *
 * - A transition moves all queries of this client from one version to the next in one step. Its
 *   start must be the end of the one before; if it is not, the connection is opened anew.
 * - A mutation ends when a transition covers its commit timestamp, not when its response comes. Its
 *   optimistic update is replayed over each new server state until that very step drops it: the
 *   screen never shows the change twice, nor for a moment without it.
 * - What has not ended outlives the socket. A new connection gets all live queries and, in order
 *   and under their old request ids, all mutations that are not reflected yet. The server knows
 *   those it has run by the session id, which is one for the life of a client.
 *
 * The protocol is that of the official Convex clients, so any server that speaks it will do. Values
 * are numbers, strings, booleans, null, BigInt (64 bits), ArrayBuffer (bytes), arrays and plain
 * objects. Subscribers share results: treat them as frozen. This is one file, and so longer than
 * others here, because pages load it without a build step.
 *
 * @typedef {{ value?: any, error?: Error }} Result  one of the two is there
 * @typedef {{ onResult: (value: any) => void, onError?: (error: Error) => void,
 *   delivered?: Result }} Listener
 * @typedef {{ id: number, token: string, path: string, args: any, journal?: string | null,
 *   listeners: Set<Listener>, received?: Result, shown?: Result }} Query
 * @typedef {{ getQuery(path: string, args: object): any,
 *   setQuery(path: string, args: object, value: any): void }} OptimisticStore
 * @typedef {{ message: any, optimisticUpdate?: (store: OptimisticStore) => void, response?: any,
 *   timestamp?: bigint, resolve(value: any): void, reject(error: Error): void }} Mutation
 * @typedef {{ phase: "connecting" | "ready" | "waiting" | "closed", connectionCount: number,
 *   retries: number, nextRetryAt: number | null, pendingMutations: number,
 *   error: Error | null }} ConnectionState `connectionCount` counts sockets that opened, `retries`
 *   failures in a row; `nextRetryAt` is wall time in milliseconds while the phase is "waiting";
 *   `error` is why the server ended this client for good
 */

/** The version of the official npm client whose protocol this module speaks. */
const PROTOCOL_VERSION = "1.48.0";
const INACTIVITY_LIMIT_MS = 60_000;
/** A delay is drawn from the upper half of its span: the first one is 100 to 200 ms. */
const FIRST_RETRY_SPAN_MS = 200;
const OVERLOADED_RETRY_SPAN_MS = 3_000;
const LONGEST_RETRY_SPAN_MS = 16_000;
const CLOSE_TRY_AGAIN_LATER = 1013;
const START_VERSION = { querySet: 0, identity: 0, ts: "AAAAAAAAAAA=" };

/** A connection to one server. It connects at once and stays until it is closed. */
export class RealtimeClient {
  /** @type {Map<string, Query>} */ #queriesByToken = new Map();
  /** @type {Map<number, Query>} */ #queriesById = new Map();
  /** In the order they were made. @type {Map<number, Mutation>} */ #mutations = new Map();
  /** Ids of mutations this connection had to repeat. */ #repeated = new Set();
  /** @type {Set<(state: ConnectionState) => void>} */ #stateListeners = new Set();
  /** @type {Error | null} */ #error = null;
  #sessionId = newSessionId();
  #nextQueryId = 0;
  #nextRequestId = 0;
  #version = START_VERSION;
  #querySetVersion = 0;
  #maxObservedTimestamp = 0n;
  #publishedState = "";
  #clock;
  #connection;

  /**
   * @param {string} address of the server: "https://example.org", with or without a path
   * @param {{ WebSocketImpl?: any, clock?: any, window?: any }} [options] for other hosts and
   *   tests; a clock has now, random, setTimeout and clearTimeout
   */
  constructor(address, { WebSocketImpl, clock = systemClock, window = globalThis.window } = {}) {
    if (!/^https?:\/\//.test(address)) throw new TypeError(`Not an http(s) URL: ${address}`);
    this.#clock = clock;
    this.#connection = new Connection({
      url: `${address.replace("http", "ws").replace(/\/+$/, "")}/api/${PROTOCOL_VERSION}/sync`,
      WebSocketImpl: WebSocketImpl ?? globalThis.WebSocket,
      clock,
      window,
      onOpen: (greeting) => this.#resume(greeting),
      onMessage: (message) => this.#receive(message),
      onChange: () => this.#publishState(),
    });
    this.#connection.open();
  }

  /**
   * Keep `onResult` informed of a query's newest result, never before this call has returned.
   *
   * Subscriptions with the same path and arguments share one query. If the function fails,
   * `onError` gets the {@link RealtimeError}; a result may follow it.
   *
   * @param {string} path such as "messages:list"
   * @param {object} args
   * @param {(value: any) => void} onResult
   * @param {(error: Error) => void} [onError]
   * @returns {() => void} ends the subscription; safe to call twice
   */
  subscribe(path, args, onResult, onError) {
    this.#assertOpen();
    const token = queryToken(path, args);
    const query = this.#queriesByToken.get(token) ?? this.#addQuery(token, path, encodeValue(args));
    const listener = { onResult, onError };
    query.listeners.add(listener);
    queueMicrotask(() => deliver(query, listener));
    return () => {
      if (query.listeners.delete(listener) && query.listeners.size === 0) this.#removeQuery(query);
    };
  }

  /**
   * Run a mutation; the promise resolves once every live query of this client shows its effect.
   *
   * Without a connection it waits. It takes effect once, however often the socket breaks.
   *
   * @param {string} path
   * @param {object} [args]
   * @param {{ optimisticUpdate?: (store: OptimisticStore) => void }} [options] the update shows
   *   the expected effect at once. It runs again over each new state, so it may depend on the store
   *   only, and makes new values instead of changing those it reads.
   * @returns {Promise<any>} rejects with a {@link RealtimeError} if the function failed
   */
  async mutation(path, args = {}, { optimisticUpdate } = {}) {
    this.#assertOpen();
    const requestId = this.#nextRequestId;
    const message = { type: "Mutation", requestId, udfPath: path, args: [encodeValue(args)] };
    this.#nextRequestId += 1;
    return new Promise((resolve, reject) => {
      this.#mutations.set(requestId, { message, optimisticUpdate, resolve, reject });
      this.#connection.send(message);
      if (optimisticUpdate) this.#publishResults();
      this.#publishState();
    });
  }

  /** @returns {ConnectionState} */
  connectionState() {
    const { phase, connectionCount, retries, nextRetryAt } = this.#connection;
    const pendingMutations = this.#mutations.size;
    return { phase, connectionCount, retries, nextRetryAt, pendingMutations, error: this.#error };
  }

  /**
   * Call `onChange` with the connection state, now and whenever it changes.
   *
   * @param {(state: ConnectionState) => void} onChange
   * @returns {() => void} ends the calls
   */
  onConnectionState(onChange) {
    this.#stateListeners.add(onChange);
    onChange(this.connectionState());
    return () => void this.#stateListeners.delete(onChange);
  }

  /** Connect now if the client is waiting for its next try. */
  retryNow() {
    this.#connection.retryNow();
  }

  /** End the connection for good; mutations that have not ended are rejected. */
  close() {
    this.#connection.close();
    const error = this.#error ?? new Error("The client was closed");
    for (const { reject } of this.#mutations.values()) reject(error);
    for (const kept of [this.#mutations, this.#queriesByToken, this.#queriesById]) kept.clear();
    this.#publishState();
  }

  #assertOpen() {
    if (this.#connection.phase === "closed") throw this.#error ?? new Error("The client is closed");
  }

  #addQuery(token, path, args) {
    /** @type {Query} */
    const query = { id: this.#nextQueryId, token, path, args, listeners: new Set() };
    this.#nextQueryId += 1;
    this.#queriesByToken.set(token, query);
    this.#queriesById.set(query.id, query);
    this.#modifyQuerySet([addition(query)]);
    return query;
  }

  #removeQuery({ id, token }) {
    this.#queriesByToken.delete(token);
    this.#queriesById.delete(id);
    this.#modifyQuerySet([{ type: "Remove", queryId: id }]);
  }

  #modifyQuerySet(modifications) {
    if (this.#connection.phase !== "ready") return; // the next connection gets all queries anyway
    const baseVersion = this.#querySetVersion;
    this.#querySetVersion = baseVersion + 1;
    const newVersion = this.#querySetVersion;
    this.#connection.send({ type: "ModifyQuerySet", baseVersion, newVersion, modifications });
  }

  /** Tell a fresh connection who we are and all that has not ended. */
  #resume(greeting) {
    this.#version = START_VERSION;
    this.#querySetVersion = 0;
    this.#repeated = new Set(this.#mutations.keys());
    this.#connection.send({
      type: "Connect",
      sessionId: this.#sessionId,
      ...greeting,
      maxObservedTimestamp: this.#maxObservedTimestamp
        ? encodeWord("setBigUint64", this.#maxObservedTimestamp)
        : undefined,
      clientTs: Math.round(this.#clock.now()),
    });
    this.#modifyQuerySet([...this.#queriesById.values()].map(addition));
    for (const { message } of this.#mutations.values()) this.#connection.send(message);
  }

  /** Apply a message; one that breaks the protocol throws before anything has changed. */
  #receive(message) {
    switch (message.type) {
      case "Transition":
        return this.#applyTransition(message);
      case "MutationResponse":
        return this.#applyResponse(message);
      case "FatalError":
        this.#error = new Error(message.error);
        return this.close();
    }
  }

  #applyTransition({ startVersion, endVersion, modifications }) {
    const [start, expected] = [startVersion, this.#version].map(versionText);
    if (start !== expected) throw new Error(`Invalid start version ${start}, expected ${expected}`);
    const timestamp = decodeTimestamp(endVersion.ts);
    const received = modifications.map((modification) => {
      const query = this.#queriesById.get(modification.queryId);
      return { query, journal: modification.journal, result: decodeResult(modification, query) };
    });

    for (const { query, journal, result } of received) {
      if (query) Object.assign(query, { journal, received: result });
    }
    this.#version = endVersion;
    this.#observe(timestamp);
    const reflected = this.#takeReflected(timestamp);
    this.#publishResults();
    for (const { resolve, response } of reflected) resolve(response);
    this.#settle();
  }

  #applyResponse({ requestId, success, result, ts, errorData }) {
    const mutation = this.#mutations.get(requestId);
    if (mutation === undefined || mutation.timestamp !== undefined) return;
    if (success) {
      const response = decodeValue(result);
      const timestamp = decodeTimestamp(ts);
      Object.assign(mutation, { response, timestamp });
      return this.#observe(timestamp);
    }
    const error = new RealtimeError(mutation.message.udfPath, result, errorData);
    this.#mutations.delete(requestId);
    if (mutation.optimisticUpdate) this.#publishResults();
    mutation.reject(error);
    this.#settle();
  }

  /**
   * Remove and return the mutations whose effect is in the results we hold.
   *
   * On a new connection that is none before its first transition with our queries: until then the
   * results are those of the connection before, older than the version says.
   */
  #takeReflected(timestamp) {
    if (this.#version.querySet === 0) return [];
    const reflected = [...this.#mutations].filter(
      ([, mutation]) => mutation.timestamp !== undefined && mutation.timestamp <= timestamp,
    );
    for (const [requestId] of reflected) this.#mutations.delete(requestId);
    return reflected.map(([, mutation]) => mutation);
  }

  /**
   * Forget past failures once all that this connection repeated has ended, and not before: else a
   * mutation that breaks the connection would be tried without a pause.
   */
  #settle() {
    const isRepeating = [...this.#repeated].some((requestId) => this.#mutations.has(requestId));
    if (this.#version.querySet > 0 && !isRepeating) this.#connection.retries = 0;
    this.#publishState();
  }

  #observe(timestamp) {
    if (timestamp > this.#maxObservedTimestamp) this.#maxObservedTimestamp = timestamp;
  }

  /** Replay the optimistic updates over the server's results; tell those who see a new one. */
  #publishResults() {
    /** @type {Map<string, Result | undefined>} */
    const results = new Map();
    const queries = [...this.#queriesById.values()];
    for (const { token, received } of queries) results.set(token, received);
    const store = {
      getQuery: (path, args) => results.get(queryToken(path, args))?.value,
      setQuery: (path, args, value) => results.set(queryToken(path, args), { value }),
    };
    for (const { optimisticUpdate } of this.#mutations.values()) {
      if (optimisticUpdate) callSafely(() => optimisticUpdate(store));
    }
    for (const query of queries) {
      query.shown = results.get(query.token);
      for (const listener of [...query.listeners]) deliver(query, listener);
    }
  }

  #publishState() {
    const state = this.connectionState();
    const text = JSON.stringify({ ...state, error: state.error?.message });
    if (text === this.#publishedState) return;
    this.#publishedState = text;
    for (const onChange of [...this.#stateListeners]) callSafely(() => onChange(state));
  }
}

/** What the server reports for a failed function; `data` is there if the function sent any. */
export class RealtimeError extends Error {
  name = "RealtimeError";

  constructor(path, message, errorData) {
    super(message);
    this.path = path;
    if (errorData !== undefined) this.data = decodeValue(errorData);
  }
}

/** One WebSocket after another: back-off, inactivity, chunks. Knows no queries or mutations. */
class Connection {
  /** @type {ConnectionState["phase"]} */ phase = "connecting";
  connectionCount = 0;
  /** Failures in a row; the owner sets it back when a connection has proved itself. */
  retries = 0;
  /** @type {number | null} */ nextRetryAt = null;
  #host;
  /** @type {any} */ #socket = null;
  #chunks = [];
  /** @type {string | null} */ #lastCloseReason = "InitialConnect";
  #lastActivityAt = 0;
  #inactivityTimer;
  #retryTimer;

  constructor(host) {
    this.#host = host;
    host.window?.addEventListener("online", this.#wake);
    host.window?.document?.addEventListener("visibilitychange", this.#wake);
  }

  open() {
    const { url, WebSocketImpl, onOpen, onChange } = this.#host;
    this.phase = "connecting";
    this.nextRetryAt = null;
    const socket = new WebSocketImpl(url);
    this.#socket = socket;
    this.#noteActivity();
    socket.onopen = () => {
      this.phase = "ready";
      this.#noteActivity();
      onOpen({ connectionCount: this.connectionCount, lastCloseReason: this.#lastCloseReason });
      this.connectionCount += 1;
      this.#lastCloseReason = null;
      onChange();
    };
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => this.#lose(reason || `closed with code ${code}`, code);
    socket.onerror = () => {}; // "close" follows and tells more
    onChange();
  }

  /** Send if the socket is open; if it is not, the owner tells the next one. */
  send(message) {
    if (this.phase === "ready") this.#socket.send(JSON.stringify(message));
  }

  retryNow() {
    if (this.phase !== "waiting") return;
    this.#host.clock.clearTimeout(this.#retryTimer);
    this.open();
  }

  close() {
    this.phase = "closed";
    this.nextRetryAt = null;
    this.#host.clock.clearTimeout(this.#retryTimer);
    this.#dropSocket();
    this.#host.window?.removeEventListener("online", this.#wake);
    this.#host.window?.document?.removeEventListener("visibilitychange", this.#wake);
  }

  /**
   * The network is back, or somebody looks at the page: do not sit out the back-off. After a sleep
   * of the machine, an open socket may be long dead before its timer runs.
   */
  #wake = ({ type }) => {
    const { clock, window } = this.#host;
    if (type === "visibilitychange" && window.document.visibilityState === "hidden") return;
    const isSilent = clock.now() - this.#lastActivityAt > INACTIVITY_LIMIT_MS;
    if (this.#socket !== null && isSilent) this.#lose("InactiveServer");
    this.retryNow();
  };

  #receive(text) {
    this.#noteActivity();
    try {
      const message = this.#assemble(JSON.parse(text));
      if (message) this.#host.onMessage(message);
    } catch (error) {
      console.error("The server sent what this client cannot apply; it connects anew.", error);
      this.#lose(String(error).slice(0, 100));
    }
  }

  /** Pass a message on, but hold the parts of a large transition until the last one is there. */
  #assemble(message) {
    if (message.type === "Ping") return null;
    const isChunk = message.type === "TransitionChunk";
    const parts = isChunk ? [...this.#chunks, message] : [];
    const isNext = ({ totalParts, transitionId }) =>
      totalParts === message.totalParts && transitionId === message.transitionId;
    if (isChunk && (message.partNumber !== parts.length - 1 || !parts.every(isNext))) {
      throw new Error("Invalid TransitionChunk");
    }
    const isWhole = parts.length === message.totalParts;
    this.#chunks = isWhole ? [] : parts;
    if (!isChunk) return message;
    return isWhole ? JSON.parse(parts.map(({ chunk }) => chunk).join("")) : null;
  }

  #noteActivity() {
    const { clock } = this.#host;
    const onInactive = () => this.#lose("InactiveServer");
    this.#lastActivityAt = clock.now();
    clock.clearTimeout(this.#inactivityTimer);
    this.#inactivityTimer = clock.setTimeout(onInactive, INACTIVITY_LIMIT_MS);
  }

  /** Leave the socket and try again later. */
  #lose(reason, code) {
    const { clock, onChange } = this.#host;
    const first = code === CLOSE_TRY_AGAIN_LATER ? OVERLOADED_RETRY_SPAN_MS : FIRST_RETRY_SPAN_MS;
    const span = Math.min(LONGEST_RETRY_SPAN_MS, first * 2 ** this.retries);
    const delay = (span / 2) * (1 + clock.random());
    this.#dropSocket();
    this.#lastCloseReason ??= reason;
    this.retries += 1;
    this.phase = "waiting";
    this.nextRetryAt = clock.now() + delay;
    this.#retryTimer = clock.setTimeout(() => this.open(), delay);
    onChange();
  }

  #dropSocket() {
    const socket = this.#socket;
    this.#socket = null;
    this.#chunks = [];
    this.#host.clock.clearTimeout(this.#inactivityTimer);
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}

/**
 * Return the wire form of a value: sorted keys, `undefined` members left out.
 *
 * @param {any} value
 * @returns {any} what `JSON.stringify` takes; a TypeError or RangeError for what is no value
 */
export function encodeValue(value) {
  switch (typeof value) {
    case "boolean":
      return value;
    case "string":
      if (/\p{Surrogate}/u.test(value)) throw new TypeError("A string has a lone surrogate");
      return value;
    case "number":
      if (Number.isFinite(value) && !Object.is(value, -0)) return value;
      return { $float: encodeWord("setFloat64", value) };
    case "bigint":
      if (BigInt.asIntN(64, value) !== value) throw new RangeError(`${value} is over 64 bits`);
      return { $integer: encodeWord("setBigInt64", value) };
    case "object":
      if (value === null) return null;
      if (value instanceof ArrayBuffer) return { $bytes: toBase64(value) };
      if (Array.isArray(value)) return value.map(encodeValue);
      if (isPlainObject(value)) return encodeObject(value);
  }
  throw new TypeError(`A value cannot be a ${value?.constructor?.name ?? typeof value}`);
}

function isPlainObject(value) {
  return [Object.prototype, null].includes(Object.getPrototypeOf(value));
}

function encodeObject(value) {
  const names = Object.keys(value).filter((name) => value[name] !== undefined);
  const reserved = names.find((name) => name.startsWith("$"));
  if (reserved) throw new TypeError(`The field name ${reserved} starts with a $`);
  return Object.fromEntries(names.sort().map((name) => [name, encodeValue(value[name])]));
}

/**
 * Return the value of a wire form, the inverse of {@link encodeValue}.
 *
 * @param {any} json as parsed
 * @returns {any}
 */
export function decodeValue(json) {
  if (json === null || typeof json !== "object") return json;
  if (Array.isArray(json)) return json.map(decodeValue);
  const entries = Object.entries(json);
  const [kind, payload] = entries.length === 1 ? entries[0] : [];
  if (kind === "$integer") return decodeWord("getBigInt64", payload);
  if (kind === "$float") return decodeWord("getFloat64", payload);
  if (kind === "$bytes") return fromBase64(payload);
  return Object.fromEntries(entries.map(([name, item]) => [name, decodeValue(item)]));
}

/** @returns {Result | undefined} */
function decodeResult({ type, value, errorMessage, errorData }, query) {
  if (type === "QueryUpdated") return { value: decodeValue(value) };
  if (type === "QueryRemoved") return undefined;
  if (type !== "QueryFailed") throw new Error(`Unknown modification ${type}`);
  return { error: new RealtimeError(query?.path, errorMessage, errorData) };
}

/** @param {Query} query */
function addition({ id, path, args, journal }) {
  return { type: "Add", queryId: id, udfPath: path, args: [args], journal };
}

function queryToken(path, args) {
  return JSON.stringify([path, encodeValue(args)]);
}

/**
 * Give a listener the query's result unless it has it.
 *
 * @param {Query} query
 * @param {Listener} listener
 */
function deliver({ shown, listeners }, listener) {
  if (shown === undefined || shown === listener.delivered || !listeners.has(listener)) return;
  listener.delivered = shown;
  const { onResult, onError = console.error } = listener;
  callSafely(() => (shown.error ? onError(shown.error) : onResult(shown.value)));
}

/** Run code of the application: its failure must not stop the protocol. */
function callSafely(run) {
  try {
    run();
  } catch (error) {
    console.error(error);
  }
}

function versionText({ querySet, identity, ts }) {
  return `${querySet}:${identity}:${ts}`;
}

function decodeTimestamp(text) {
  return decodeWord("getBigUint64", text);
}

/** Return a number's 8 little-endian bytes as base64. */
function encodeWord(setter, number) {
  const view = new DataView(new ArrayBuffer(8));
  view[setter](0, number, true);
  return toBase64(view.buffer);
}

function decodeWord(getter, text) {
  return new DataView(fromBase64(text))[getter](0, true);
}

function toBase64(buffer) {
  return btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""));
}

function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer;
}

/** Return a UUID v4; `crypto.randomUUID` is missing on pages served over plain http. */
function newSessionId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

const systemClock = {
  now: () => Date.now(),
  random: () => Math.random(),
  setTimeout: (run, delay) => setTimeout(run, delay),
  clearTimeout: (timer) => clearTimeout(timer),
};
