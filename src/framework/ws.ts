/**
 * The adapter for the WebSocket server of `ws` 8.
 *
 * @module oidc-resource-server/ws
 */
import { EventEmitter } from 'node:events';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import type { Claims } from '../claims.ts';
import type {
  Answer,
  AuthenticationFor,
  RegisteredAuthentication,
  NoRequirements,
  Requirements,
  ResourceServer,
} from '../types.ts';
import { Admissions } from './admissions.ts';
import { resourceRequest } from './node-request.ts';

/** How {@link protectUpgrade} treats the connections that it has let in. */
export interface UpgradeOptions {
  /**
   * Closes a connection with the code 1008 (policy violation) when the `exp` of its token comes. Default: `true`.
   *
   * A token without `exp` sets no end. A token that is revoked meanwhile does not end its connections.
   */
  readonly closeAtExpiry?: boolean;
}

/** A listener for the `upgrade` event of a server of `node:http`. */
export interface UpgradeGuard<A> {
  (this: unknown, request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /**
   * Who opened the connection: what the path requires decides the type. Call it in the `connection` handler.
   *
   * @throws TypeError when this very guard has not let the request in
   */
  of(request: IncomingMessage): A;
}

// 2^31 - 1 ms, about 24 days: a timer that is set for longer fires at once.
const LONGEST_TIMER = 2 ** 31 - 1;
const NOT_FOUND: Answer = { status: 404, headers: {}, body: '' };
const guards = new WeakSet<object>();
const taken = new WeakSet<IncomingMessage>();

/**
 * Makes a listener for `upgrade` that authenticates before the handshake: whoever is refused never has a WebSocket.
 *
 * A refusal is a plain HTTP answer with the same status, challenge and body as in every other framework. A request for
 * another path than the `WebSocketServer`'s is left to the other listeners for `upgrade`. Where all of them are guards and
 * none wants it, the answer is 404.
 *
 * It does not check the `Origin` header: `verifyClient` of `ws` does. It reads no token from messages, cookies or the
 * query.
 *
 * @example
 * {@includeCode ../../examples/websocket.ts#upgrade}
 *
 * @param webSocketServer Made with `noServer: true`; its `path`, if it has one, says which requests it wants.
 * @param requirements What a connection asks for, on top of the settings.
 * @throws TypeError when the `WebSocketServer` accepts connections by itself, unguarded
 * @see {@link https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2 | RFC 6455 section 4.2.2}
 */
export function protectUpgrade<U, C extends Claims, const R extends Requirements = NoRequirements>(
  resourceServer: Pick<ResourceServer<U, C>, 'authenticate' | 'challenge'>,
  webSocketServer: WebSocketServer,
  requirements?: R,
  { closeAtExpiry = true }: UpgradeOptions = {},
): UpgradeGuard<AuthenticationFor<U, C, R>> {
  type A = AuthenticationFor<U, C, R>;
  if (webSocketServer.options.noServer !== true) {
    throw new TypeError(
      'Make the WebSocketServer with { noServer: true }: otherwise it accepts connections by itself, unguarded.',
    );
  }
  const admissions = new Admissions<IncomingMessage, A>();

  const connect = (webSocket: WebSocket, request: IncomingMessage): void => {
    const expiresAt = admissions.of(request)?.claims.exp;
    if (closeAtExpiry && typeof expiresAt === 'number') closeAt(webSocket, expiresAt * 1000);
    try {
      webSocketServer.emit('connection', webSocket, request);
    } catch (error) {
      // The answer can no longer be sent, but the error is logged.
      resourceServer.challenge(error);
      webSocket.close(1011);
    }
  };

  const admit = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    let auth: A;
    try {
      auth = await resourceServer.authenticate(resourceRequest(request), requirements);
    } catch (error) {
      refuse(socket, resourceServer.challenge(error));
      return;
    }
    admissions.add(request, auth);
    request.auth = auth as RegisteredAuthentication;
    try {
      webSocketServer.handleUpgrade(request, socket, head, connect);
    } catch (error) {
      resourceServer.challenge(error);
      socket.destroy();
    }
  };

  function guard(this: unknown, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (taken.has(request)) return;
    const wanted = webSocketServer.shouldHandle(request) !== false;
    if (!wanted && !isLast(this, guard)) return;
    taken.add(request);
    // Node has taken its own listener off: an error that nobody listens for would end the process.
    socket.on('error', () => socket.destroy());
    if (wanted) void admit(request, socket, head);
    else refuse(socket, NOT_FOUND);
  }
  guards.add(guard);
  return Object.assign(guard, { of: (request: IncomingMessage): A => admissions.of(request) });
}

/** Whether no listener is left that could want the request. Where one is not a guard, nobody can know. */
function isLast(server: unknown, guard: object): boolean {
  if (!(server instanceof EventEmitter)) return false;
  const listeners = server.listeners('upgrade');
  return listeners.at(-1) === guard && listeners.every((listener) => guards.has(listener));
}

function refuse(socket: Duplex, { status, headers, body }: Answer): void {
  if (socket.destroyed || !socket.writable) return;
  const lines = [`HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}`];
  for (const [name, value] of Object.entries(headers)) {
    if (name !== 'connection') for (const one of [value].flat()) lines.push(`${name}: ${one}`);
  }
  lines.push('connection: close', `content-length: ${String(Buffer.byteLength(body))}`, '', body);
  socket.once('finish', () => socket.destroy());
  socket.end(lines.join('\r\n'));
}

function closeAt(webSocket: WebSocket, expiresAt: number): void {
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    const left = expiresAt - Date.now();
    if (left <= 0) webSocket.close(1008, 'invalid_token');
    else timer = setTimeout(wait, Math.min(left, LONGEST_TIMER)).unref();
  };
  webSocket.once('close', () => {
    clearTimeout(timer);
  });
  wait();
}
