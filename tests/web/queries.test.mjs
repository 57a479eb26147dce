import assert from "node:assert/strict";
import { test } from "node:test";
import { failed, RealtimeError, settle, startConnected, updated } from "./harness.mjs";

test("a subscription adds a query and gets each new result", () => {
  const { client, socket } = startConnected();
  const results = [];

  client.subscribe("messages:list", { sessionId: "s" }, (value) => results.push(value));
  socket.transition(2, 1, [updated(0, [{ n: { $integer: "AQAAAAAAAAA=" } }])]);
  socket.transition(2, 2);
  socket.transition(2, 3, [updated(0, [])]);

  assert.deepEqual(socket.takeSent(), [
    {
      type: "ModifyQuerySet",
      baseVersion: 1,
      newVersion: 2,
      modifications: [
        { type: "Add", queryId: 0, udfPath: "messages:list", args: [{ sessionId: "s" }] },
      ],
    },
  ]);
  assert.deepEqual(results, [[{ n: 1n }], []]);
});

test("equal subscriptions share one query, which ends with the last of them", async () => {
  const { client, socket } = startConnected();
  const seen = [];
  const ends = [
    client.subscribe("q", { a: 1, b: 2 }, (value) => seen.push(["first", value])),
    client.subscribe("q", { b: 2, a: 1 }, (value) => seen.push(["second", value])),
  ];
  socket.transition(2, 1, [updated(0, "one")]);
  ends.push(client.subscribe("q", { a: 1, b: 2 }, (value) => seen.push(["third", value])));
  assert.deepEqual(seen.at(-1), ["second", "one"]);
  await settle();
  assert.deepEqual(seen.at(-1), ["third", "one"]);
  assert.equal(socket.takeSent().length, 1);

  ends[0]();
  ends[0]();
  ends[1]();
  assert.deepEqual(socket.takeSent(), []);
  ends[2]();

  const [{ baseVersion, newVersion, modifications }] = socket.takeSent();
  assert.deepEqual([baseVersion, newVersion], [2, 3]);
  assert.deepEqual(modifications, [{ type: "Remove", queryId: 0 }]);
});

test("a query subscribed again is a new one, and late results of the old one are ignored", () => {
  const { client, socket } = startConnected();
  const results = [];
  client.subscribe("q", {}, (value) => results.push(value))();
  client.subscribe("q", {}, (value) => results.push(value));

  socket.transition(2, 1, [updated(0, "old")]);
  socket.transition(4, 2, [{ type: "QueryRemoved", queryId: 0 }, updated(1, "new")]);

  assert.deepEqual(results, ["new"]);
});

test("all queries of a transition have moved before anyone is told", async () => {
  const { client, socket } = startConnected();
  const nested = [];
  client.subscribe("first", {}, (value) => {
    if (value === 2) client.subscribe("last", {}, (other) => nested.push(other));
  });
  client.subscribe("last", {}, () => {});
  socket.transition(3, 1, [updated(0, 1), updated(1, 1)]);

  socket.transition(3, 2, [updated(0, 2), updated(1, 2)]);
  await settle();

  assert.deepEqual(nested, [2]);
});

test("a failed query is an error with its data, and may recover", () => {
  const { client, socket } = startConnected();
  const [results, errors] = [[], []];
  client.subscribe(
    "q",
    {},
    (value) => results.push(value),
    (error) => errors.push(error),
  );

  socket.transition(2, 1, [failed(0, "[Request ID: 00] Server Error\nboom")]);
  socket.transition(2, 2, [failed(0, "x", { errorData: { code: { $integer: "AQAAAAAAAAA=" } } })]);
  socket.transition(2, 3, [failed(0, "y", { errorData: null })]);
  socket.transition(2, 4, [updated(0, "fine")]);

  assert.ok(errors.every((error) => error instanceof RealtimeError && error.path === "q"));
  assert.match(errors[0].message, /boom/);
  assert.equal("data" in errors[0], false);
  assert.deepEqual(errors[1].data, { code: 1n });
  assert.equal(errors[2].data, null);
  assert.deepEqual(results, ["fine"]);
});

test("a subscriber that throws stops neither the others nor the protocol", (t) => {
  const report = t.mock.method(console, "error", () => {});
  const { client, socket } = startConnected();
  const results = [];
  client.subscribe("q", {}, () => {
    throw new Error("mine");
  });
  client.subscribe("q", {}, (value) => results.push(value));

  socket.transition(2, 1, [updated(0, 1)]);
  socket.transition(2, 2, [updated(0, 2)]);

  assert.deepEqual(results, [1, 2]);
  assert.equal(report.mock.callCount(), 2);
  assert.equal(socket.isClosed, false);
});

test("a subscriber may end its subscription while it is told", () => {
  const { client, socket } = startConnected();
  const results = [];
  const end = client.subscribe("q", {}, (value) => {
    results.push(value);
    end();
  });

  socket.transition(2, 1, [updated(0, 1)]);
  socket.transition(2, 2, [updated(0, 2)]);

  assert.deepEqual(results, [1]);
});

test("who has ended a subscription is not told any more, even in the same step", async () => {
  const { client, socket } = startConnected();
  const results = [];
  client.subscribe("q", {}, () => end());
  const end = client.subscribe("q", {}, (value) => results.push(value));
  socket.transition(2, 1, [updated(0, 1)]);

  client.subscribe("q", {}, (value) => results.push(value))();
  await settle();

  assert.deepEqual(results, []);
});

test("the last result stays while the connection is away", async () => {
  const { client, clock, socket, sockets } = startConnected();
  const results = [];
  client.subscribe("q", {}, (value) => results.push(value));
  socket.transition(2, 1, [updated(0, "kept")]);

  socket.drop();
  clock.advance(100);
  sockets[1].open();
  sockets[1].transition(0, 2);
  client.subscribe("q", {}, (value) => results.push(`second ${value}`));
  await settle();

  assert.deepEqual(results, ["kept", "second kept"]);
});
