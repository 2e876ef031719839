import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that has come in. */
export interface RecordedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn: a header that was sent twice is there twice. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
  /** The body, form-decoded. */
  readonly form: URLSearchParams;
}

/** What the server does with a request. */
export interface ServerAnswer {
  /** Default: 200. */
  readonly status?: number;
  /** The content type; `undefined` sends none. Default: `application/json`. */
  readonly type?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. Default: nothing. */
  readonly body?: string | Uint8Array | object;
  /** Does something that no proper server does, in place of all the above. */
  readonly misbehave?: (response: ServerResponse) => void;
}

export type Answerer = (request: RecordedRequest) => ServerAnswer | Promise<ServerAnswer>;

/** How a client has said who it is, read as RFC 6749 section 2.3.1 tells servers to. */
export interface SentCredentials {
  readonly method: 'client_secret_basic' | 'client_secret_post' | 'none' | 'both';
  readonly id?: string;
  readonly secret?: string;
}

/**
 * An introspection endpoint that answers as it is told to, to see what this package makes of it. It is no authorization
 * server: `authorization-server.ts` starts a real one.
 */
export interface IntrospectionServer {
  /** The issuer. */
  readonly url: string;
  readonly endpoint: string;
  /** The introspection requests so far, the first one first. */
  readonly requests: readonly RecordedRequest[];
  /** How often the JWK Set was asked for. */
  readonly jwksRequests: number;
  /** Says what the next introspection requests are answered with: the answers in turn, the last one for ever. */
  answerWith(...answers: (ServerAnswer | Answerer)[]): void;
  /** Says what `/jwks` answers with. */
  publish(answer: ServerAnswer): void;
  /** The settings of an API that uses this server; `undefined` leaves one out. */
  settings(overrides?: Readonly<Record<string, string | undefined>>): Record<string, string | undefined>;
  /** Forgets all requests, and answers that a token is live. */
  reset(): void;
  close(): Promise<void>;
}

/** The least that the answer about a live token says, and whatever else is given. `undefined` leaves a member out. */
export function live(members: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1000);
  return {
    active: true,
    sub: 'alice',
    client_id: 'spa',
    scope: 'groups profile',
    token_type: 'Bearer',
    iat: now - 10,
    exp: now + 300,
    ...members,
  };
}

export async function startIntrospectionServer(): Promise<IntrospectionServer> {
  const requests: RecordedRequest[] = [];
  let answers: (ServerAnswer | Answerer)[] = [];
  let jwks: ServerAnswer = { status: 404 };
  let jwksRequests = 0;

  const answerTo = async (request: RecordedRequest): Promise<ServerAnswer> => {
    if (request.url === '/jwks') {
      jwksRequests += 1;
      return jwks;
    }
    requests.push(request);
    const next = (answers.length > 1 ? answers.shift() : answers[0]) ?? { body: live() };
    return typeof next === 'function' ? next(request) : next;
  };
  const server = createServer((message, response) => {
    void record(message)
      .then(answerTo)
      .then((answer) => {
        send(answer, response);
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url,
    endpoint: `${url}/introspect`,
    requests,
    get jwksRequests() {
      return jwksRequests;
    },
    answerWith: (...given) => {
      answers = given;
    },
    publish: (answer) => {
      jwks = answer;
    },
    settings: (overrides = {}) => ({
      OIDC_OP_URL: url,
      OIDC_OP_INTROSPECTION_ENDPOINT: `${url}/introspect`,
      OIDC_OP_JWKS_ENDPOINT: `${url}/jwks`,
      OIDC_RS_CLIENT_ID: 'api',
      OIDC_RS_CLIENT_SECRET: 'the-secret-of-the-api',
      ...overrides,
    }),
    reset: () => {
      requests.length = 0;
      jwksRequests = 0;
      answers = [];
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Reads the credentials of a request as a server does. */
export function credentialsOf({ headers, form }: RecordedRequest): SentCredentials {
  const id = form.get('client_id');
  const secret = form.get('client_secret');
  if (headers.authorization === undefined) {
    return id === null || secret === null ? { method: 'none' } : { method: 'client_secret_post', id, secret };
  }
  if (id !== null || secret !== null) return { method: 'both' };
  const [, encoded = ''] = /^Basic ([A-Za-z0-9+/]+=*)$/.exec(headers.authorization) ?? [];
  const [first = '', ...rest] = Buffer.from(encoded, 'base64').toString('latin1').split(':');
  return { method: 'client_secret_basic', id: formDecode(first), secret: formDecode(rest.join(':')) };
}

function formDecode(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}

async function record(message: IncomingMessage): Promise<RecordedRequest> {
  const { method = '', url = '', headers, rawHeaders } = message;
  let body = '';
  message.setEncoding('utf8');
  for await (const chunk of message) body += chunk as string;
  return { method, url, headers, rawHeaders, body, form: new URLSearchParams(body) };
}

function send(answer: ServerAnswer, response: ServerResponse): void {
  if (answer.misbehave) {
    answer.misbehave(response);
    return;
  }
  const { status = 200, headers = {}, body = '' } = answer;
  const type = 'type' in answer ? answer.type : 'application/json';
  response.writeHead(status, { ...(type !== undefined && { 'content-type': type }), ...headers });
  response.end(typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body));
}
