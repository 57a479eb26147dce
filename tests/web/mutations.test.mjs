import assert from "node:assert/strict";
import { test } from "node:test";
import { RealtimeError, settle, startConnected, updated } from "./harness.mjs";

/** Note when a promise ends: `outcome.value` or `outcome.error`. */
function watch(promise) {
  const outcome = {};
  promise.then(
    (value) => Object.assign(outcome, { value }),
    (error) => Object.assign(outcome, { error }),
  );
  return outcome;
}

/** A client with a list of messages on screen: `screen` holds every state that was shown. */
function startWithList() {
  const world = startConnected();
  const screen = [];
  world.client.subscribe("messages:list", {}, (value) => screen.push(value));
  world.socket.transition(2, 1, [updated(0, ["old"])]);
  world.socket.takeSent();
  const send = (content) =>
    world.client.mutation(
      "messages:send",
      { content },
      {
        optimisticUpdate(store) {
          const messages = store.getQuery("messages:list", {});
          if (messages) store.setQuery("messages:list", {}, [...messages, `(${content})`]);
        },
      },
    );
  return { ...world, screen, send };
}

test("a mutation is sent once, with encoded arguments and rising ids", () => {
  const { client, socket } = startConnected();

  client.mutation("messages:send", { n: 1n, absent: undefined });
  client.mutation("messages:send");

  assert.deepEqual(socket.takeSent(), [
    {
      type: "Mutation",
      requestId: 0,
      udfPath: "messages:send",
      args: [{ n: { $integer: "AQAAAAAAAAA=" } }],
    },
    { type: "Mutation", requestId: 1, udfPath: "messages:send", args: [{}] },
  ]);
});

test("a mutation ends with the transition that covers its timestamp", async () => {
  const { client, socket } = startConnected();
  const outcome = watch(client.mutation("m", {}));

  socket.succeed(0, { $integer: "AQAAAAAAAAA=" }, 10);
  await settle();
  socket.transition(1, 9);
  await settle();
  assert.deepEqual(outcome, {});
  assert.equal(client.connectionState().pendingMutations, 1);
  socket.transition(1, 10);
  await settle();

  assert.deepEqual(outcome, { value: 1n });
  assert.equal(client.connectionState().pendingMutations, 0);
});

test("timestamps are compared as numbers, not as text or floats", async () => {
  const { client, socket } = startConnected();
  const outcome = watch(client.mutation("m", {}));

  socket.succeed(0, null, 1_763_800_000_000_000_001n);
  socket.transition(1, 1_763_800_000_000_000_000n);
  await settle();
  assert.deepEqual(outcome, {});
  socket.transition(1, 1_763_800_000_000_000_001n);
  await settle();

  assert.deepEqual(outcome, { value: null });
});

test("subscribers have seen the effect when the promise resolves", async () => {
  const { send, screen, socket } = startWithList();
  const sent = send("new").then(() => screen.at(-1));

  socket.succeed(0, null, 5);
  socket.transition(2, 5, [updated(0, ["old", "new"])]);

  assert.deepEqual(await sent, ["old", "new"]);
});

test("an optimistic update is on screen until its transition, without a flicker", () => {
  const { send, screen, socket } = startWithList();

  send("a");
  send("b");
  socket.transition(2, 2, [updated(0, ["old", "other"])]);
  socket.succeed(0, null, 3);
  socket.transition(2, 3, [updated(0, ["old", "other", "a"])]);
  socket.succeed(1, null, 4);
  socket.transition(2, 4, [updated(0, ["old", "other", "a", "b"])]);

  assert.deepEqual(screen, [
    ["old"],
    ["old", "(a)"],
    ["old", "(a)", "(b)"],
    ["old", "other", "(a)", "(b)"],
    ["old", "other", "a", "(b)"],
    ["old", "other", "a", "b"],
  ]);
});

test("one transition may end several mutations", async () => {
  const { send, screen, socket } = startWithList();
  const outcomes = [watch(send("a")), watch(send("b"))];

  socket.succeed(0, 1, 3);
  socket.succeed(1, 2, 4);
  socket.transition(2, 4, [updated(0, ["old", "a", "b"])]);
  await settle();

  assert.deepEqual(outcomes, [{ value: 1 }, { value: 2 }]);
  assert.deepEqual(screen.at(-1), ["old", "a", "b"]);
});

test("a failed mutation rejects at once and its optimistic update is gone", async () => {
  const { send, screen, socket } = startWithList();
  const outcome = watch(send("a"));

  socket.fail(0, "Server Error\nNo such session", { errorData: { code: "NoSession" } });
  await settle();

  assert.ok(outcome.error instanceof RealtimeError);
  assert.equal(outcome.error.path, "messages:send");
  assert.match(outcome.error.message, /No such session/);
  assert.deepEqual(outcome.error.data, { code: "NoSession" });
  assert.deepEqual(screen.at(-1), ["old"]);
});

test("arguments that are no values reject and nothing is sent", async () => {
  const { client, socket } = startConnected();

  await assert.rejects(client.mutation("m", { when: new Date() }), TypeError);

  assert.deepEqual(socket.takeSent(), []);
  assert.equal(client.connectionState().pendingMutations, 0);
});

test("a mutation made without a connection waits, on screen, and is sent in order", async () => {
  const { send, screen, socket, sockets, clock } = startWithList();
  socket.drop();

  const outcomes = [watch(send("a")), watch(send("b"))];
  assert.deepEqual(screen.at(-1), ["old", "(a)", "(b)"]);
  clock.advance(100);
  sockets[1].open();
  const requests = sockets[1].takeSent().slice(2);
  assert.deepEqual(
    requests.map(({ requestId, args }) => [requestId, args[0].content]),
    [
      [0, "a"],
      [1, "b"],
    ],
  );
  sockets[1].succeed(0, null, 2);
  sockets[1].succeed(1, null, 3);
  sockets[1].transition(1, 3, [updated(0, ["old", "a", "b"])]);
  await settle();

  assert.deepEqual(outcomes, [{ value: null }, { value: null }]);
  assert.deepEqual(screen.at(-1), ["old", "a", "b"]);
});

test("an answer seen before the cut counts, once results of the new connection are there", async () => {
  const { send, screen, socket, sockets, clock } = startWithList();
  const outcome = watch(send("a"));
  socket.succeed(0, "id", 2);
  socket.drop();
  clock.advance(100);
  sockets[1].open();

  sockets[1].transition(0, 2);
  await settle();
  assert.deepEqual(outcome, {});
  assert.deepEqual(screen.at(-1), ["old", "(a)"]);
  sockets[1].transition(1, 2, [updated(0, ["old", "a"])]);
  sockets[1].succeed(0, "id", 2);
  await settle();

  assert.deepEqual(outcome, { value: "id" });
  assert.deepEqual(screen.at(-1), ["old", "a"]);
  assert.ok(screen.every((state) => state.filter((text) => /a/.test(text)).length <= 1));
});

test("an answer stands whatever its repetition is answered", async () => {
  const { client, clock, socket, sockets } = startConnected();
  const outcome = watch(client.mutation("m", {}));
  socket.succeed(0, "first", 9);
  socket.transition(1, 5);

  socket.drop();
  clock.advance(100);
  sockets[1].open();
  assert.equal(sockets[1].sent[0].maxObservedTimestamp, "CQAAAAAAAAA=");
  sockets[1].fail(0, "too late");
  sockets[1].transition(1, 9);
  await settle();

  assert.deepEqual(outcome, { value: "first" });
});

test("an optimistic update that throws is left out and the mutation goes on", async (t) => {
  t.mock.method(console, "error", () => {});
  const { client, socket } = startConnected();
  const optimisticUpdate = () => {
    throw new Error("mine");
  };

  const outcome = watch(client.mutation("m", {}, { optimisticUpdate }));
  socket.succeed(0, "done", 1);
  socket.transition(1, 1);
  await settle();

  assert.deepEqual(outcome, { value: "done" });
});

test("answers to requests that are not ours are ignored", () => {
  const { socket } = startConnected();

  socket.succeed(7, null, 1);
  socket.receive({ type: "SomethingNew" });

  assert.equal(socket.isClosed, false);
});
