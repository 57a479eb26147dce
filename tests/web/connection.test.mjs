import assert from "node:assert/strict";
import { test } from "node:test";
import { settle, start, startConnected, updated } from "./harness.mjs";

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Silence the report of a protocol error that a test causes on purpose. */
function muteErrors(t) {
  return t.mock.method(console, "error", () => {});
}

test("the address becomes that of the sync endpoint", () => {
  assert.equal(start("http://host:3210").sockets[0].url, "ws://host:3210/api/1.48.0/sync");
  assert.equal(start("https://host/app/").sockets[0].url, "wss://host/app/api/1.48.0/sync");
  assert.throws(() => start("host:3210"), TypeError);
});

test("a connection begins with Connect and the query set", () => {
  const { sockets, clock } = start();

  sockets[0].open();

  const [connect, querySet, ...rest] = sockets[0].takeSent();
  const { sessionId, ...members } = connect;
  assert.match(sessionId, UUID_V4);
  assert.deepEqual(members, {
    type: "Connect",
    connectionCount: 0,
    lastCloseReason: "InitialConnect",
    clientTs: clock.time,
  });
  assert.deepEqual(querySet, {
    type: "ModifyQuerySet",
    baseVersion: 0,
    newVersion: 1,
    modifications: [],
  });
  assert.deepEqual(rest, []);
});

test("nothing is sent before the socket is open", () => {
  const { client, sockets } = start();

  client.subscribe("messages:list", {}, () => {});
  client.mutation("messages:send", {});
  assert.deepEqual(sockets[0].sent, []);
  sockets[0].open();

  const types = sockets[0].takeSent().map(({ type }) => type);
  assert.deepEqual(types, ["Connect", "ModifyQuerySet", "Mutation"]);
});

test("a reconnect tells the same session what has not ended, from version 0 on", async () => {
  const { client, sockets, socket, clock } = startConnected();
  client.subscribe("messages:list", { sessionId: "s" }, () => {});
  client.subscribe("gone", {}, () => {})();
  const first = client.mutation("a", { n: 1 });
  client.mutation("b", { n: 2n });
  client.mutation("c", {});
  const sessionIds = [];
  socket.transition(3, 5, [updated(0, [], "journal-1")]);
  socket.succeed(0, null, 6);
  socket.transition(3, 6);
  await first;
  socket.succeed(1, null, 7);
  const requests = socket.takeSent().filter(({ type }) => type === "Mutation");

  socket.drop(1006, "");
  clock.advance(200);
  sockets[1].open();

  const [connect, querySet, ...repeated] = sockets[1].takeSent();
  sessionIds.push(connect.sessionId);
  assert.equal(connect.connectionCount, 1);
  assert.equal(connect.lastCloseReason, "closed with code 1006");
  assert.equal(connect.maxObservedTimestamp, "BwAAAAAAAAA=");
  assert.deepEqual(querySet, {
    type: "ModifyQuerySet",
    baseVersion: 0,
    newVersion: 1,
    modifications: [
      {
        type: "Add",
        queryId: 0,
        udfPath: "messages:list",
        args: [{ sessionId: "s" }],
        journal: "journal-1",
      },
    ],
  });
  assert.deepEqual(repeated, requests.slice(1));

  sockets[1].drop(1011, "InternalServerError");
  clock.advance(400);
  sockets[2].open();
  sessionIds.push(sockets[2].sent[0].sessionId);
  assert.equal(sockets[2].sent[0].lastCloseReason, "InternalServerError");
  assert.equal(sockets[2].sent[0].connectionCount, 2);
  assert.equal(new Set(sessionIds).size, 1);
});

test("the wait doubles from 100 ms to 16 s and starts anew once the client has caught up", () => {
  const { client, clock, sockets } = start();
  const waits = [];
  clock.randomNumber = 1;
  for (let count = 0; count < 9; count += 1) {
    sockets.at(-1).drop();
    waits.push(client.connectionState().nextRetryAt - clock.time);
    clock.advance(waits.at(-1));
  }
  assert.deepEqual(waits, [200, 400, 800, 1600, 3200, 6400, 12800, 16000, 16000]);

  sockets.at(-1).open();
  sockets.at(-1).transition(1, 1);
  clock.randomNumber = 0;
  sockets.at(-1).drop();
  assert.equal(client.connectionState().nextRetryAt - clock.time, 100);
});

test("a mutation that breaks the connection is not tried without a pause", () => {
  const { client, clock, socket, sockets } = startConnected();
  client.mutation("poison", {});

  for (const wait of [100, 200, 400]) {
    sockets.at(-1).drop();
    assert.equal(client.connectionState().nextRetryAt - clock.time, wait);
    clock.advance(wait);
    sockets.at(-1).open();
    sockets.at(-1).transition(1, 1);
  }
  assert.equal(socket.isClosed, true);
});

test("an overloaded server is given more time", () => {
  const { client, clock, socket } = startConnected();

  socket.drop(1013, "TooManyConcurrentRequests");

  assert.equal(client.connectionState().nextRetryAt - clock.time, 1500);
});

test("60 s without a message mean a new connection; a Ping is a message", () => {
  const { clock, socket, sockets } = startConnected();

  clock.advance(59_999);
  socket.receive({ type: "Ping" });
  clock.advance(59_999);
  assert.equal(sockets.length, 1);
  clock.advance(101);

  assert.equal(socket.isClosed, true);
  sockets[1].open();
  assert.equal(sockets[1].sent[0].lastCloseReason, "InactiveServer");
});

test("a socket that never opens is given up as well", () => {
  const { clock, sockets } = start();

  clock.advance(60_100);

  assert.equal(sockets[0].isClosed, true);
  assert.equal(sockets.length, 2);
});

test("coming online, or into view, ends the wait", () => {
  const { window, sockets } = start();

  sockets[0].drop();
  window.document.visibilityState = "hidden";
  window.document.dispatchEvent(new Event("visibilitychange"));
  assert.equal(sockets.length, 1);
  window.dispatchEvent(new Event("online"));
  assert.equal(sockets.length, 2);
  sockets[1].drop();
  window.document.visibilityState = "visible";
  window.document.dispatchEvent(new Event("visibilitychange"));

  assert.equal(sockets.length, 3);
});

test("a look at the page after a sleep replaces a socket that has been silent too long", () => {
  const { clock, window, socket, sockets } = startConnected();

  window.document.dispatchEvent(new Event("visibilitychange"));
  assert.equal(sockets.length, 1);
  clock.sleep(3_600_000);
  window.document.dispatchEvent(new Event("visibilitychange"));

  assert.equal(socket.isClosed, true);
  assert.equal(sockets.length, 2);
});

test("retryNow ends the wait and leaves no second timer behind", () => {
  const { client, clock, sockets } = start();
  sockets[0].drop();

  client.retryNow();
  client.retryNow();
  clock.advance(1_000);

  assert.equal(sockets.length, 2);
});

test("a transition that does not follow the last one is refused whole", async (t) => {
  const report = muteErrors(t);
  const { client, clock, socket, sockets } = startConnected();
  const results = [];
  client.subscribe("q", {}, (value) => results.push(value));
  socket.transition(2, 5, [updated(0, "old")]);
  socket.nextTransition(2, 6);

  socket.transition(2, 7, [updated(0, "torn")]);

  assert.deepEqual(results, ["old"]);
  assert.equal(socket.isClosed, true);
  assert.equal(report.mock.callCount(), 1);
  clock.advance(100);
  sockets[1].open();
  sockets[1].transition(1, 8, [updated(0, "new")]);
  assert.deepEqual(results, ["old", "new"]);
});

test("text that is no message means a new connection and changes nothing", async (t) => {
  muteErrors(t);
  const { client, socket } = startConnected();
  const results = [];
  client.subscribe("q", {}, (value) => results.push(value));

  socket.transition(2, 5, [updated(0, "first"), { type: "Nonsense", queryId: 0 }]);
  assert.equal(socket.isClosed, true);
  await settle();

  assert.deepEqual(results, []);
});

test("the parts of a transition are put together, with a Ping between", () => {
  const { client, socket } = startConnected();
  const results = [];
  client.subscribe("q", {}, (value) => results.push(value));

  for (const value of ["large", "huge"]) {
    const text = JSON.stringify(socket.nextTransition(2, value.length, [updated(0, value)]));
    const parts = [text.slice(0, 10), text.slice(10, 60), text.slice(60)];
    const rest = { type: "TransitionChunk", totalParts: 3, transitionId: value };
    parts.forEach((chunk, partNumber) => {
      assert.notEqual(results.at(-1), value);
      socket.receive({ ...rest, chunk, partNumber });
      socket.receive({ type: "Ping" });
    });
  }

  assert.deepEqual(results, ["large", "huge"]);
});

test("a part out of order means a new connection", (t) => {
  muteErrors(t);
  const { socket } = startConnected();

  const part = { type: "TransitionChunk", chunk: "", totalParts: 3, transitionId: "t" };
  socket.receive({ ...part, partNumber: 0 });
  socket.receive({ ...part, partNumber: 2 });

  assert.equal(socket.isClosed, true);
});

test("the connection state is told at once and at each change", () => {
  const { client, clock, sockets } = start();
  const phases = [];
  client.onConnectionState(({ phase, pendingMutations }) => phases.push([phase, pendingMutations]));

  sockets[0].open();
  client.mutation("m", {});
  sockets[0].drop();
  clock.advance(100);

  assert.deepEqual(phases, [
    ["connecting", 0],
    ["ready", 0],
    ["ready", 1],
    ["waiting", 1],
    ["connecting", 1],
  ]);
});

test("a fatal error ends the client and names itself everywhere", async () => {
  const { client, clock, socket, sockets } = startConnected();
  const pending = client.mutation("m", {});

  socket.receive({ type: "FatalError", error: "Base version 3 passed up" });
  clock.advance(100_000);

  await assert.rejects(pending, /Base version 3/);
  await assert.rejects(client.mutation("m", {}), /Base version 3/);
  assert.equal(client.connectionState().phase, "closed");
  assert.match(client.connectionState().error.message, /Base version 3/);
  assert.equal(sockets.length, 1);
});

test("close ends the socket, the timers and the pending mutations", async () => {
  const { client, clock, socket, sockets, window } = startConnected();
  const results = [];
  const unsubscribe = client.subscribe("q", {}, (value) => results.push(value));
  const pending = client.mutation("m", {});

  client.close();
  unsubscribe();
  socket.transition(2, 1, [updated(0, "late")]);
  clock.advance(100_000);
  window.dispatchEvent(new Event("online"));

  await assert.rejects(pending, /closed/);
  assert.throws(() => client.subscribe("q", {}, () => {}), /closed/);
  assert.equal(socket.isClosed, true);
  assert.equal(sockets.length, 1);
  assert.deepEqual(results, []);
});
