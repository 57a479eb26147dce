import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeValue, encodeValue } from "./harness.mjs";

const bytes = (...numbers) => new Uint8Array(numbers).buffer;

const VECTORS = [
  [null, null],
  [true, true],
  ["text", "text"],
  [1.5, 1.5],
  [1n, { $integer: "AQAAAAAAAAA=" }],
  [-1n, { $integer: "//////////8=" }],
  [-(2n ** 63n), { $integer: "AAAAAAAAAIA=" }],
  [-0, { $float: "AAAAAAAAAIA=" }],
  [Infinity, { $float: "AAAAAAAA8H8=" }],
  [NaN, { $float: "AAAAAAAA+H8=" }],
  [bytes(0, 0, 0), { $bytes: "AAAA" }],
  [bytes(), { $bytes: "" }],
  [
    [1, [2n]],
    [1, [{ $integer: "AgAAAAAAAAA=" }]],
  ],
  [{ a: { b: [] } }, { a: { b: [] } }],
  [{}, {}],
];

test("values and their wire forms map onto each other", () => {
  for (const [value, encoded] of VECTORS) {
    assert.deepEqual(encodeValue(value), encoded);
    assert.deepEqual(decodeValue(encoded), value);
  }
});

test("keys are sorted and undefined members are left out", () => {
  const text = JSON.stringify(encodeValue({ b: 1, a: undefined, B: 2, _id: "x" }));

  assert.equal(text, '{"B":2,"_id":"x","b":1}');
});

test("what is no value is refused", () => {
  const refused = [
    undefined,
    [undefined],
    new Date(),
    new Map(),
    () => 1,
    Symbol("x"),
    { $integer: 1 },
    "\ud800",
  ];
  for (const value of refused) assert.throws(() => encodeValue(value), TypeError);
  assert.throws(() => encodeValue(2n ** 63n), RangeError);
});

test("a field named __proto__ is data", () => {
  const value = decodeValue(JSON.parse('{"__proto__": {"isAdmin": true}}'));

  assert.equal(value.isAdmin, undefined);
  assert.deepEqual(Object.keys(value), ["__proto__"]);
});
