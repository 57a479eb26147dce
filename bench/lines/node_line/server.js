// A chat server written by hand on `ws` and better-sqlite3: the line that the benchmark measures
// against.
//
// It speaks the part of the sync protocol that the load generator uses, keeps the same rows as the
// real server (document, index entries, session patch, request record, revision), and commits in
// groups: the mutations that arrive in one turn of the event loop share one transaction with
// synchronous=FULL. It has no read sets, no isolation of a failed mutation, no limits, no recovery:
// what is here is what somebody would write for this one app, and write well.
//
// Usage: node server.js --port N --data DIR [--recompute objects|text]
// "objects" parses each document and encodes the list anew, as a handler over documents does;
// "text" joins the stored texts, which no handler written over documents can.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const zlib = require('node:zlib');
const { parseArgs } = require('node:util');
const Database = require('better-sqlite3');
const { WebSocketServer } = require('ws');

const { values: options } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string' },
    data: { type: 'string' },
    recompute: { type: 'string', default: 'objects' },
  },
});

const BY_ID = 0;
const BY_CREATION_TIME = { repos: 1, sessions: 2, messages: 3 };
const SESSIONS_BY_REPO = 4;
const SESSIONS_BY_USER = 5;
const MESSAGES_BY_SESSION = 6;
const TABLE_NUMBERS = { repos: 10001, sessions: 10002, messages: 10003 };

fs.mkdirSync(options.data, { recursive: true });
const db = new Database(path.join(options.data, 'line.sqlite3'));
db.pragma('journal_mode = WAL');
db.pragma('synchronous = FULL');
db.pragma('wal_autocheckpoint = 4000');
db.exec(`
  CREATE TABLE documents (locator INTEGER PRIMARY KEY, document TEXT NOT NULL, checksum INTEGER NOT NULL);
  CREATE TABLE entries (index_id INTEGER NOT NULL, key BLOB NOT NULL, locator INTEGER NOT NULL,
    PRIMARY KEY (index_id, key)) WITHOUT ROWID;
  CREATE TABLE revisions (last_timestamp INTEGER PRIMARY KEY, first_timestamp INTEGER NOT NULL,
    creation_time REAL NOT NULL, checksum BLOB NOT NULL);
  CREATE TABLE requests (session_id TEXT NOT NULL, request_id INTEGER NOT NULL, path TEXT NOT NULL,
    timestamp INTEGER NOT NULL, result TEXT NOT NULL, log_lines TEXT NOT NULL,
    PRIMARY KEY (session_id, request_id)) WITHOUT ROWID;
  CREATE INDEX requests_by_timestamp ON requests (timestamp);
`);
const sql = {
  begin: db.prepare('BEGIN IMMEDIATE'),
  commit: db.prepare('COMMIT'),
  insertDocument: db.prepare('INSERT INTO documents (document, checksum) VALUES (?, ?)'),
  updateDocument: db.prepare('UPDATE documents SET document = ?, checksum = ? WHERE locator = ?'),
  insertEntry: db.prepare('INSERT INTO entries (index_id, key, locator) VALUES (?, ?, ?)'),
  insertRevision: db.prepare('INSERT INTO revisions VALUES (?, ?, ?, ?)'),
  insertRequest: db.prepare('INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?)'),
  findRequest: db
    .prepare('SELECT result, timestamp FROM requests WHERE session_id = ? AND request_id = ?')
    .safeIntegers(),
  findDocument: db.prepare(
    'SELECT d.locator, d.document FROM entries e JOIN documents d ON d.locator = e.locator WHERE e.index_id = 0 AND e.key = ?',
  ),
  scan: db
    .prepare(
      'SELECT d.document FROM entries e JOIN documents d ON d.locator = e.locator WHERE e.index_id = ? AND e.key >= ? AND e.key < ? ORDER BY e.key',
    )
    .pluck(),
};

let lastTimestamp = 0n;
let lastCreationTime = 0;
let lastChecksum = Buffer.alloc(32);

const crc32 = zlib.crc32 ?? (() => 0);

function nextTimestamp() {
  const now = BigInt(Date.now()) * 1000000n;
  lastTimestamp = now > lastTimestamp ? now : lastTimestamp + 1n;
  return lastTimestamp;
}

function nextCreationTime() {
  lastCreationTime = Math.max(lastCreationTime + 0.001, Date.now());
  return lastCreationTime;
}

function encodeTimestamp(timestamp) {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64LE(timestamp);
  return bytes.toString('base64');
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
let randomPool = Buffer.alloc(0);

function newId(table) {
  if (randomPool.length < 10) randomPool = crypto.randomBytes(4000);
  const bytes = Buffer.alloc(20);
  bytes.writeUInt16BE(TABLE_NUMBERS[table], 0);
  bytes.writeUIntBE(Date.now(), 2, 6);
  randomPool.copy(bytes, 8, 0, 10);
  randomPool = randomPool.subarray(10);
  let text = '';
  for (let group = 0; group < 4; group++) {
    const high = bytes.readUInt16BE(group * 5);
    const low = bytes.readUIntBE(group * 5 + 2, 3);
    text += ALPHABET[high >> 11] + ALPHABET[(high >> 6) & 31] + ALPHABET[(high >> 1) & 31];
    text += ALPHABET[((high & 1) << 4) | (low >> 20)] + ALPHABET[(low >> 15) & 31];
    text += ALPHABET[(low >> 10) & 31] + ALPHABET[(low >> 5) & 31] + ALPHABET[low & 31];
  }
  return text;
}

function indexKey(fields, creationTime, id) {
  const head = Buffer.from(fields.map((field) => field + '\0').join(''), 'latin1');
  const key = Buffer.allocUnsafe(head.length + 8 + id.length);
  head.copy(key);
  key.writeDoubleBE(creationTime, head.length); // positive doubles sort as their bytes do
  key.write(id, head.length + 8, 'latin1');
  return key;
}

function insert(table, fields, indexes) {
  const id = newId(table);
  const creationTime = nextCreationTime();
  const text = JSON.stringify({ _creationTime: creationTime, _id: id, ...fields });
  const locator = sql.insertDocument.run(text, crc32(text)).lastInsertRowid;
  sql.insertEntry.run(BY_ID, Buffer.from(id, 'latin1'), locator);
  sql.insertEntry.run(BY_CREATION_TIME[table], indexKey([], creationTime, id), locator);
  for (const [indexId, values] of indexes) {
    sql.insertEntry.run(indexId, indexKey(values, creationTime, id), locator);
  }
  return id;
}

function find(id) {
  const row = sql.findDocument.get(Buffer.from(id, 'latin1'));
  return row && { locator: row.locator, document: JSON.parse(row.document) };
}

function update(row) {
  const text = JSON.stringify(row.document);
  sql.updateDocument.run(text, crc32(text), row.locator);
}

function expectString(args, ...names) {
  for (const name of names) {
    if (typeof args[name] !== 'string') throw new Error(`Expected a string: ${name}`);
  }
}

function insertMessage(sessionId, role, content, extra) {
  const fields = { content, role, sessionId, timestamp: Date.now(), ...extra };
  return insert('messages', fields, [[MESSAGES_BY_SESSION, [sessionId]]]);
}

function insertSession(repoId, userId) {
  const now = Date.now();
  const fields = { createdAt: now, lastActiveAt: now, repoId, userId };
  return insert('sessions', fields, [[SESSIONS_BY_REPO, [repoId]], [SESSIONS_BY_USER, [userId]]]);
}

// Each mutation returns its result and the sessions whose lists it changed. It throws before it
// writes anything or not at all: that is what makes a batch without savepoints right.
const mutations = {
  'sessions:create'(args) {
    expectString(args, 'repoId', 'userId');
    return { result: insertSession(args.repoId, args.userId), touched: null };
  },
  'messages:send'(args) {
    expectString(args, 'sessionId', 'role', 'content');
    const session = find(args.sessionId);
    if (!session) throw new Error('No such session');
    session.document.lastActiveAt = Date.now();
    update(session);
    return { result: insertMessage(args.sessionId, args.role, args.content), touched: args.sessionId };
  },
  'messages:markChangesCommitted'(args) {
    expectString(args, 'messageId', 'commitSha');
    const message = find(args.messageId);
    if (!message?.document.changes) throw new Error('No such message');
    message.document.changes = { ...message.document.changes, committed: true, commitSha: args.commitSha };
    update(message);
    return { result: null, touched: message.document.sessionId };
  },
};

let demo = null;

function seedDemo() {
  if (demo) return demo;
  sql.begin.run();
  const repoId = insert('repos', { githubRepo: 'demo' }, []);
  const sessionId = insertSession(repoId, 'demo');
  insertMessage(sessionId, 'user', 'Please add a dark theme');
  insertMessage(sessionId, 'assistant', 'Done', { changes: { committed: false, files: ['theme.css'] } });
  sql.commit.run();
  demo = { repoId, sessionId };
  return demo;
}

function runList(sessionId) {
  const head = Buffer.from(sessionId + '\0', 'latin1');
  const end = Buffer.from(sessionId + '\x01', 'latin1');
  const texts = sql.scan.all(MESSAGES_BY_SESSION, head, end);
  if (options.recompute === 'text') return '[' + texts.join(',') + ']';
  return JSON.stringify(texts.map((text) => JSON.parse(text)));
}

const lists = new Map(); // session id -> Map of client -> query id
let pending = [];

class Client {
  constructor(socket) {
    this.socket = socket;
    this.sessionId = '';
    this.querySet = 0;
    this.sentVersion = '{"querySet":0,"identity":0,"ts":"AAAAAAAAAAA="}';
    this.queries = new Map(); // query id -> session id
    socket.on('message', (data) => this.receive(JSON.parse(data)));
    socket.on('close', () => this.close());
    socket.on('error', () => this.close());
  }

  receive(message) {
    switch (message.type) {
      case 'Connect':
        this.sessionId = message.sessionId;
        break;
      case 'ModifyQuerySet':
        this.modify(message);
        break;
      case 'Mutation':
        if (pending.length === 0) setImmediate(commitBatch);
        pending.push({ client: this, message });
        break;
      default: // Event, Authenticate: nothing to do for this load
    }
  }

  modify(message) {
    const modifications = [];
    for (const { type, queryId, udfPath, args } of message.modifications) {
      if (type === 'Remove') {
        this.unsubscribe(queryId);
        modifications.push(`{"type":"QueryRemoved","queryId":${queryId}}`);
      } else if (udfPath === 'messages:list') {
        const sessionId = args[0].sessionId;
        this.queries.set(queryId, sessionId);
        if (!lists.has(sessionId)) lists.set(sessionId, new Map());
        lists.get(sessionId).set(this, queryId);
        modifications.push(queryUpdated(queryId, runList(sessionId)));
      } else {
        const text = JSON.stringify(`Could not find public function for '${udfPath}'.`);
        modifications.push(
          `{"type":"QueryFailed","queryId":${queryId},"errorMessage":${text},"logLines":[],"journal":null}`,
        );
      }
    }
    this.querySet = message.newVersion;
    this.sendTransition(encodeTimestamp(lastTimestamp), modifications.join(','));
  }

  unsubscribe(queryId) {
    const sessionId = this.queries.get(queryId);
    this.queries.delete(queryId);
    const subscribers = lists.get(sessionId);
    subscribers?.delete(this);
    if (subscribers?.size === 0) lists.delete(sessionId);
  }

  sendTransition(timestamp, modifications) {
    const version = `{"querySet":${this.querySet},"identity":0,"ts":"${timestamp}"}`;
    this.socket.send(
      `{"type":"Transition","startVersion":${this.sentVersion},"endVersion":${version},` +
        `"modifications":[${modifications}],"clientClockSkew":null,"serverTs":null}`,
    );
    this.sentVersion = version;
  }

  close() {
    for (const queryId of [...this.queries.keys()]) this.unsubscribe(queryId);
  }
}

function queryUpdated(queryId, value) {
  return `{"type":"QueryUpdated","queryId":${queryId},"value":${value},"logLines":[],"journal":null}`;
}

function mutationResponse(requestId, result, timestamp) {
  return `{"type":"MutationResponse","requestId":${requestId},"success":true,"result":${result},"ts":"${timestamp}","logLines":[]}`;
}

function mutationFailure(requestId, error) {
  const text = JSON.stringify(error.message);
  return `{"type":"MutationResponse","requestId":${requestId},"success":false,"result":${text},"ts":null,"logLines":[]}`;
}

function runMutation(client, message, timestamp, touched) {
  const { requestId, udfPath } = message;
  const stored = sql.findRequest.get(client.sessionId, requestId);
  if (stored) return mutationResponse(requestId, stored.result, encodeTimestamp(stored.timestamp));
  let outcome;
  try {
    const mutation = mutations[udfPath];
    if (!mutation) throw new Error(`Could not find public function for '${udfPath}'.`);
    outcome = mutation(message.args[0]);
  } catch (error) {
    return mutationFailure(requestId, error);
  }
  const result = JSON.stringify(outcome.result);
  sql.insertRequest.run(client.sessionId, requestId, udfPath, timestamp, result, '[]');
  if (outcome.touched) touched.add(outcome.touched);
  return mutationResponse(requestId, result, encodeTimestamp(timestamp));
}

function commitBatch() {
  const batch = pending;
  pending = [];
  const touched = new Set();
  const responses = [];
  const first = nextTimestamp();
  let timestamp = first;
  sql.begin.run();
  for (const { client, message } of batch) {
    responses.push(runMutation(client, message, timestamp, touched));
    if (responses.length < batch.length) timestamp = nextTimestamp();
  }
  const chain = crypto.createHash('sha256').update(lastChecksum).update(String(timestamp));
  for (const response of responses) chain.update(response);
  lastChecksum = chain.digest();
  sql.insertRevision.run(timestamp, first, lastCreationTime, lastChecksum);
  sql.commit.run();

  // Responses first, then the transitions that cover them.
  const updates = new Map();
  batch.forEach(({ client }, position) => {
    client.socket.send(responses[position]);
    updates.set(client, '');
  });
  for (const sessionId of touched) {
    const subscribers = lists.get(sessionId);
    if (!subscribers) continue;
    const value = runList(sessionId);
    for (const [client, queryId] of subscribers) {
      const others = updates.get(client);
      updates.set(client, (others ? others + ',' : '') + queryUpdated(queryId, value));
    }
  }
  const encoded = encodeTimestamp(timestamp);
  for (const [client, modifications] of updates) client.sendTransition(encoded, modifications);
}

const server = http.createServer((request, response) => {
  if (request.method === 'GET' && request.url === '/version') {
    response.end('node-line');
  } else if (request.method === 'POST' && request.url === '/api/function') {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      const known = JSON.parse(body).path === 'seed:demo';
      const answer = known
        ? { status: 'success', value: seedDemo() }
        : { status: 'error', errorMessage: 'Could not find function' };
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(answer));
    });
  } else {
    response.statusCode = 404;
    response.end();
  }
});

const sockets = new WebSocketServer({ server, perMessageDeflate: false, maxPayload: 17 * 1024 * 1024 });
sockets.on('connection', (socket) => new Client(socket));
server.listen(Number(options.port), options.host, 1024);

process.on('SIGTERM', () => {
  db.close();
  process.exit(0);
});
