// The load: every connection sends its next request as soon as its answer is there. It is written out, and no library, since
// it must take less time for a request than the fastest server: one that waits for the load is not measured, and falls asleep.
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { connect } from 'node:net';
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import { setTimeout as wait } from 'node:timers/promises';
import { authorizationOf, USERS } from './scenario.mjs';

const CONNECTIONS = 50;
/** How long an answer may take that is still to come at the end of a turn. */
const PATIENCE_MS = 10_000;
/** An answer is short, and is all there is on its connection until the next request. */
const LENGTH = /\r\ncontent-length: (\d+)\r\n/i;

/**
 * The connections to one server. They are opened once and stay open, as those of a proxy do: V8 watches which objects grow
 * old, and takes a crowd of new connections for what each of its objects is like. In one process of three that came out
 * otherwise than in the others, and was 10 microseconds a request.
 */
export class Load {
  #connections;

  constructor(connections) {
    this.#connections = connections;
  }

  /** Connects. `jwts` are sent instead of the opaque tokens `t-0`, `t-1`, …, by their names. */
  static async open(url, { jwts, connections = CONNECTIONS } = {}) {
    const opened = Array.from({ length: connections }, (_, i) =>
      Connection.open(url, requestsOf(url, i, connections, jwts)),
    );
    return new Load(await Promise.all(opened));
  }

  /**
   * Sends requests with distinct tokens for so many seconds; resolves with the number that were answered by 200.
   *
   * @param options `settle`: for how many seconds before that; `onStart`: called when what counts begins
   */
  async run(seconds, { settle = 0, onStart } = {}) {
    const running = this.#connections;
    const answered = () => running.reduce((sum, connection) => sum + connection.answered, 0);
    // A core that sleeps is woken up by the server, with each of its answers, and the more so the slower the server is. So
    // this one never sleeps.
    let isOver = false;
    const stayAwake = () => {
      if (!isOver) setImmediate(stayAwake);
    };
    stayAwake();
    for (const connection of running) connection.start();
    await wait(settle * 1000);
    const before = answered();
    const startedAt = performance.now();
    onStart?.();
    await wait(seconds * 1000);
    const result = { answered: answered() - before, seconds: (performance.now() - startedAt) / 1000 };
    isOver = true;
    await Promise.all(running.map((connection) => connection.finish()));
    const failed = running.find(({ failure }) => failure !== undefined);
    if (failed !== undefined) throw new Error(failed.failure);
    return result;
  }

  close() {
    for (const connection of this.#connections) connection.socket.destroy();
  }
}

function requestsOf(url, index, connections, jwts) {
  const { host, pathname } = new URL(url);
  const each = USERS / connections;
  return Array.from({ length: each }, (_, i) => {
    const authorization = authorizationOf(`t-${index * each + i}`, jwts);
    return Buffer.from(
      `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${authorization}\r\n\r\n`,
    );
  });
}

class Connection {
  answered = 0;
  failure;
  #next = 0;
  #answer = '';
  #isRunning = false;
  #onIdle;

  static async open(url, requests) {
    const { port, hostname } = new URL(url);
    const socket = connect({ port: Number(port), host: hostname, noDelay: true });
    await once(socket, 'connect');
    return new Connection(socket, requests);
  }

  constructor(socket, requests) {
    this.socket = socket;
    this.requests = requests;
    socket.on('data', (chunk) => this.#read(chunk.latin1Slice()));
    socket.on('error', (error) => this.#fail(error.message));
    socket.on('end', () => this.#fail('The server closed a connection.'));
  }

  start() {
    this.#isRunning = true;
    this.#send();
  }

  /** Waits for the answer that is still to come. */
  finish() {
    this.#isRunning = false;
    if (this.failure !== undefined) return undefined;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#fail('The server gave no answer.'), PATIENCE_MS);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #send() {
    this.socket.write(this.requests[this.#next]);
    this.#next = (this.#next + 1) % this.requests.length;
  }

  #fail(why) {
    this.failure ??= why;
    this.#onIdle?.();
  }

  #read(text) {
    this.#answer += text;
    const end = this.#answer.indexOf('\r\n\r\n');
    if (end === -1) return;
    const length = LENGTH.exec(this.#answer)?.[1];
    if (length !== undefined && this.#answer.length < end + 4 + Number(length)) return;
    if (length === undefined || !this.#answer.startsWith('HTTP/1.1 200 ')) return this.#fail(this.#answer);
    this.#answer = '';
    this.answered += 1;
    if (this.#isRunning) this.#send();
    else this.#onIdle();
  }
}
