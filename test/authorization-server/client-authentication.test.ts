import { inspect } from 'node:util';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  ClientAuthentication,
  type ClientAuthenticationMethod,
} from '../../src/authorization-server/client-authentication.ts';
import { Exchange } from '../../src/authorization-server/exchange.ts';
import type { HttpResponse } from '../../src/http/http-adapter.ts';
import { UndiciHttpAdapter } from '../../src/http/undici-adapter.ts';
import { Secret } from '../../src/secret.ts';
import { RecordingLogger } from '../support/recording-logger.ts';
import { eventsOf, everythingIn, failureOf } from '../support/faults.ts';
import {
  credentialsOf,
  startIntrospectionServer,
  type Answerer,
  type ServerAnswer,
} from '../support/introspection-server.ts';

const BASIC = 'client_secret_basic';
const POST = 'client_secret_post';
const SECRET = 'a+secret:with%everything';
const LIVE: ServerAnswer = { body: { active: true } };
const UNAUTHORIZED: ServerAnswer = { status: 401, body: { error: 'invalid_client' } };
const DISLIKED: ServerAnswer = { status: 400, body: { error: 'unsupported_token_type' } };
const HALF: ServerAnswer = {
  misbehave: ({ socket }) => socket?.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"active":true}'),
};

const server = await startIntrospectionServer();
const http = new UndiciHttpAdapter();
beforeEach(() => {
  server.reset();
});
afterAll(async () => {
  await server.close();
  await http.close();
});

function setUp({
  method = 'auto',
  clientId = 'api',
  secret = SECRET,
}: {
  method?: ClientAuthenticationMethod | 'auto';
  clientId?: string;
  secret?: string;
} = {}) {
  const log = new RecordingLogger();
  const exchange = new Exchange({ http, logger: log, timeoutMs: 5000 });
  const clock = { seconds: 1000 };
  const authentication = new ClientAuthentication({
    method,
    clientId,
    clientSecret: new Secret(secret),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    exchange,
    logger: log,
    now: () => clock.seconds * 1000,
  });
  const send = (token = 'good'): Promise<HttpResponse> =>
    authentication.send(({ headers, form }) =>
      exchange.send({ method: 'POST', url: server.endpoint, headers, body: `token=${token}${form}` }),
    );
  const sendMany = (count: number) => Promise.all(Array.from({ length: count }, () => send()));
  return { authentication, send, sendMany, log, clock };
}

/** A server that takes the given methods, and refuses the others. */
function takes(methods: readonly string[], refusal = UNAUTHORIZED): Answerer {
  return (request) => (methods.includes(credentialsOf(request).method) ? LIVE : refusal);
}

function methodsUsed(): string[] {
  return server.requests.map((request) => credentialsOf(request).method);
}

function count(method: string): number {
  return methodsUsed().filter((used) => used === method).length;
}

/** Holds back answers until it is opened. */
function gate(answer: Answerer | ServerAnswer): { readonly answer: Answerer; open: () => void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    open,
    answer: async (request) => {
      await opened;
      return typeof answer === 'function' ? answer(request) : answer;
    },
  };
}

/** Waits until so many requests have reached the server. */
async function arrived(number: number): Promise<void> {
  await vi.waitFor(() => {
    expect(server.requests.length).toBeGreaterThanOrEqual(number);
  }, 5000);
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 40));
}

describe('auto', () => {
  it('uses Basic where it is taken, and says so once', async () => {
    const { send, log } = setUp();
    for (let i = 0; i < 3; i++) expect((await send()).status).toBe(200);
    expect(methodsUsed()).toEqual([BASIC, BASIC, BASIC]);
    expect(log.records).toEqual([
      expect.objectContaining({
        level: 'info',
        fields: { event: 'as.client_authentication', method: BASIC },
        message: expect.stringContaining(BASIC) as string,
      }),
    ]);
  });

  it.each([
    ['401', UNAUTHORIZED],
    ['401 without a body', { status: 401, type: undefined }],
    ['400 invalid_client', { status: 400, body: { error: 'invalid_client' } }],
    ['400 invalid_client as text/html', { ...UNAUTHORIZED, status: 400, type: 'text/html' }],
  ])(
    'uses the body form where Basic is refused by %s, keeps it, and says so once (A7)',
    async (_, refusal) => {
      server.answerWith(takes([POST], refusal));
      const { send, log } = setUp();
      for (let i = 0; i < 3; i++) expect((await send()).status).toBe(200);
      expect(methodsUsed()).toEqual([BASIC, POST, POST, POST]);
      expect(eventsOf(log)).toEqual(['info as.client_authentication']);
      expect(log.records[0]?.fields).toMatchObject({ method: POST });
    },
  );

  it.each([
    ['400 of another kind', { status: 400, body: { error: 'invalid_request' } }],
    ['400 in HTML', { status: 400, body: '<p>invalid_client</p>' }],
    ['403', { status: 403, body: { error: 'invalid_client' } }],
    ['404', { status: 404 }],
    ['500', { status: 500, body: { error: 'invalid_client' } }],
    ['307', { status: 307, headers: { location: '/elsewhere' } }],
    ['200 saying invalid_client', { body: { error: 'invalid_client' } }],
  ])('does not take %s for a refusal of its credentials', async (_, answer) => {
    server.answerWith(answer);
    const { send } = setUp();
    expect((await send()).status).toBe('status' in answer ? answer.status : 200);
    expect(methodsUsed()).toEqual([BASIC]);
  });

  it('lets one of 30 first requests find out while the others wait', async () => {
    const { answer, open } = gate(LIVE);
    server.answerWith(answer);
    const { sendMany, log } = setUp();
    const sent = sendMany(30);
    await arrived(1);
    await pause();
    expect(server.requests).toHaveLength(1);
    open();
    expect((await sent).map(({ status }) => status)).toEqual(Array(30).fill(200));
    expect(count(BASIC)).toBe(30);
    expect(eventsOf(log)).toEqual(['info as.client_authentication']);
  });

  it('lets the others use what the first one found', async () => {
    server.answerWith(takes([POST]));
    const { sendMany, log } = setUp();
    await sendMany(30);
    expect([count(BASIC), count(POST)]).toEqual([1, 30]);
    expect(eventsOf(log)).toEqual(['info as.client_authentication']);
  });

  it('fails those who wait with the network error of the first, and finds out anew with the next (A4)', async () => {
    server.answerWith(HALF);
    const { send, log } = setUp();
    const failures = await Promise.all(Array.from({ length: 10 }, () => failureOf(send())));
    expect(new Set(failures).size).toBe(1);
    expect(failures[0]).toMatchObject({ code: 'ERR_AS_UNAVAILABLE' });
    expect(server.requests).toHaveLength(1);
    expect(eventsOf(log)).toEqual(['warn as.unavailable']);
    server.answerWith(takes([POST]));
    await send();
    expect(methodsUsed()).toEqual([BASIC, BASIC, POST]);
  });

  it('leaves no rejection unhandled when nobody waits', async () => {
    server.answerWith(HALF);
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', note);
    await failureOf(setUp().send());
    await pause();
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it('does not try the body form after a network error: it knows nothing (A4)', async () => {
    server.answerWith(HALF, LIVE);
    const { send } = setUp();
    await failureOf(send());
    expect(methodsUsed()).toEqual([BASIC]);
  });

  it('keeps nothing that brought no 200: 400 unsupported_token_type changes nothing (R6)', async () => {
    server.answerWith(DISLIKED);
    const { send, log } = setUp();
    expect((await send('a.b.c')).status).toBe(400);
    expect(log.records).toEqual([]);
    server.answerWith(takes([POST]));
    await send();
    expect(methodsUsed()).toEqual([BASIC, BASIC, POST]);
    server.answerWith(DISLIKED);
    expect((await send('a.b.c')).status).toBe(400);
    server.answerWith(takes([POST]));
    await send();
    expect(methodsUsed().slice(3)).toEqual([POST, POST]);
    expect(eventsOf(log)).toEqual(['info as.client_authentication']);
  });

  it('finds out anew, once for all, when what worked is refused', async () => {
    const { send, sendMany, log } = setUp();
    await send();
    server.answerWith(takes([POST]));
    expect((await sendMany(10)).map(({ status }) => status)).toEqual(Array(10).fill(200));
    expect([count(BASIC), count(POST)]).toEqual([11, 10]);
    await send();
    expect(methodsUsed().at(-1)).toBe(POST);
    expect(eventsOf(log)).toEqual(['info as.client_authentication', 'info as.client_authentication']);
  });

  it('takes what was found for a request that was refused late', async () => {
    const { send, log } = setUp();
    await send();
    const late = gate(UNAUTHORIZED);
    server.answerWith(late.answer, takes([POST]));
    const slow = send();
    await arrived(2);
    await send();
    late.open();
    expect((await slow).status).toBe(200);
    expect(methodsUsed()).toEqual([BASIC, BASIC, BASIC, POST, POST]);
    expect(eventsOf(log)).toEqual(['info as.client_authentication', 'info as.client_authentication']);
  });
});

describe('refused credentials', () => {
  it('are an alarm, and are tried once a minute by one request (A7)', async () => {
    server.answerWith(UNAUTHORIZED);
    const { send, log, clock } = setUp();
    const failures = await Promise.all(Array.from({ length: 10 }, () => failureOf(send())));
    for (const failure of failures) {
      expect(failure).toMatchObject({ code: 'ERR_AS_CLIENT_REJECTED', retryAfter: 60 });
    }
    expect(methodsUsed()).toEqual([BASIC, POST]);
    expect(log.records).toEqual([
      {
        level: 'error',
        fields: { event: 'as.client_rejected', status: 401 },
        message: expect.stringMatching(
          /OIDC_RS_CLIENT_ID.*OIDC_RS_CLIENT_SECRET.*client_secret_basic.*client_secret_post/,
        ) as string,
      },
    ]);

    for (const [passed, retryAfter] of [
      [0, 60],
      [10.5, 50],
      [59.9, 1],
    ] as const) {
      clock.seconds = 1000 + passed;
      expect(await failureOf(send())).toMatchObject({ code: 'ERR_AS_CLIENT_REJECTED', retryAfter });
    }
    expect(server.requests).toHaveLength(2);
    expect(eventsOf(log)).toHaveLength(1);

    clock.seconds = 1060;
    await Promise.all(Array.from({ length: 10 }, () => failureOf(send())));
    expect(methodsUsed()).toEqual([BASIC, POST, BASIC, POST]);
    expect(eventsOf(log)).toEqual(['error as.client_rejected', 'error as.client_rejected']);
  });

  it('are taken again as soon as a try is due', async () => {
    server.answerWith(UNAUTHORIZED);
    const { send, sendMany, clock, log } = setUp();
    await failureOf(send());
    server.answerWith(LIVE);
    await failureOf(send());
    clock.seconds += 60;
    await sendMany(10);
    expect(count(BASIC)).toBe(11);
    expect(eventsOf(log)).toEqual(['error as.client_rejected', 'info as.client_authentication']);
  });

  it('are tried by one request a minute also where they had worked before', async () => {
    const { send, clock, log } = setUp();
    await send();
    server.answerWith(UNAUTHORIZED);
    clock.seconds += 60;
    const failures = await Promise.all(Array.from({ length: 10 }, () => failureOf(send())));
    for (const failure of failures) expect(failure).toMatchObject({ code: 'ERR_AS_CLIENT_REJECTED' });
    // Ten were under way with what had worked; one of them tried the other method.
    expect([count(BASIC), count(POST)]).toEqual([11, 1]);
    clock.seconds += 60;
    await Promise.all(Array.from({ length: 10 }, () => failureOf(send())));
    expect([count(BASIC), count(POST)]).toEqual([12, 2]);
    expect(eventsOf(log).filter((event) => event === 'error as.client_rejected')).toHaveLength(2);
  });

  it('make no further try or alarm for a request that was refused late', async () => {
    const { send, log, clock } = setUp();
    await send();
    clock.seconds += 60;
    const late = gate(UNAUTHORIZED);
    server.answerWith(late.answer, UNAUTHORIZED);
    const slow = failureOf(send());
    await arrived(2);
    await failureOf(send());
    late.open();
    expect(await slow).toMatchObject({ code: 'ERR_AS_CLIENT_REJECTED', retryAfter: 60 });
    expect(methodsUsed()).toEqual([BASIC, BASIC, BASIC, POST]);
    expect(eventsOf(log).slice(1)).toEqual(['error as.client_rejected']);
  });

  it('keep nobody else out when they worked a moment ago: the server may dislike one token', async () => {
    const dislikes: Answerer = (request) => (request.form.get('token') === 'bad' ? UNAUTHORIZED : LIVE);
    server.answerWith(dislikes);
    const { send, clock } = setUp();
    await send();
    clock.seconds += 59;
    const failure = await failureOf(send('bad'));
    expect(failure).toMatchObject({ code: 'ERR_AS_CLIENT_REJECTED', retryAfter: undefined });
    expect((await send()).status).toBe(200);
    expect(methodsUsed()).toEqual([BASIC, BASIC, POST, BASIC]);
  });

  it('have not worked because the server answered something else: only a 200 says so', async () => {
    const { send, clock } = setUp();
    for (const answer of [{ status: 500 }, DISLIKED, { status: 403 }]) {
      server.answerWith(answer);
      await send();
    }
    server.answerWith(UNAUTHORIZED);
    clock.seconds += 1;
    expect(await failureOf(send())).toMatchObject({ retryAfter: 60 });
  });

  it('are ERR_AS_CLIENT_REJECTED too for a request that waited for another to find out (A7)', async () => {
    const { answer, open } = gate(LIVE);
    server.answerWith(answer, UNAUTHORIZED);
    const { send } = setUp();
    const first = send();
    const second = failureOf(send());
    open();
    expect((await first).status).toBe(200);
    expect(await second).toMatchObject({ code: 'ERR_AS_CLIENT_REJECTED' });
  });

  it('are ERR_AS_CLIENT_REJECTED too when what another has just found is refused (A7)', async () => {
    const { send } = setUp();
    await send();
    const [slowProbe, late] = [gate(LIVE), gate(UNAUTHORIZED)];
    // The first is refused and finds out, the second is refused while it does, and then once more.
    server.answerWith(UNAUTHORIZED, slowProbe.answer, late.answer, UNAUTHORIZED);
    const first = send();
    await arrived(3);
    const second = failureOf(send());
    late.open();
    await pause();
    slowProbe.open();
    expect((await first).status).toBe(200);
    expect(await second).toMatchObject({ code: 'ERR_AS_CLIENT_REJECTED' });
    expect(methodsUsed()).toEqual([BASIC, BASIC, POST, BASIC, POST]);
  });
});

describe.each([
  [BASIC, POST],
  [POST, BASIC],
] as const)('%s', (method, other) => {
  it(`never tries ${other}`, async () => {
    server.answerWith(takes([other]));
    const { send, log, clock } = setUp({ method });
    const failures = await Promise.all(Array.from({ length: 5 }, () => failureOf(send())));
    for (const failure of failures) {
      expect(failure).toMatchObject({ code: 'ERR_AS_CLIENT_REJECTED', retryAfter: 60 });
    }
    expect(eventsOf(log)).toEqual(['error as.client_rejected']);
    expect(log.records[0]?.message).toContain(`tried: ${method}`);
    expect([count(method), count(other)]).toEqual([5, 0]);
    await failureOf(send());
    expect(server.requests).toHaveLength(5);
    clock.seconds += 60;
    await Promise.all(Array.from({ length: 5 }, () => failureOf(send())));
    expect([count(method), count(other)]).toEqual([6, 0]);
  });

  it('is used at once, without a wait for the first answer, and without a word', async () => {
    const { answer, open } = gate(LIVE);
    server.answerWith(answer);
    const { sendMany, log } = setUp({ method });
    const sent = sendMany(3);
    await arrived(3);
    open();
    await sent;
    expect([count(method), log.records.length]).toEqual([3, 0]);
  });

  it.each([
    ['letters and digits', 'api', 'S3cret-._~'],
    ['+', 'my+api', 'a+b'],
    [':', 'https://api.example', 'a:b:c'],
    ['%', '100%', '%41%zz%'],
    ['a blank', 'my api', ' two  blanks '],
    ['ü and beyond', 'ü', 'größe €😀'],
    ['quotation marks', '"api"', `"'\``],
    ['& and =', 'a=b&client_id=admin', 'x&client_secret=y;z#/?'],
    ['!()*', "!'()*", "*!'()"],
    ['line breaks', 'api', 'a\r\nx-injected: 1\0'],
  ])('sends %s so that a server reads the same (A10)', async (_, clientId, secret) => {
    await setUp({ method, clientId, secret }).send();
    const [request] = server.requests;
    expect(request && credentialsOf(request)).toEqual({ method, id: clientId, secret });
    expect(request?.form.getAll('token')).toEqual(['good']);
    expect(request?.headers).not.toHaveProperty('x-injected');
  });
});

it('sends letters, digits and -._~ as they are, for servers that forget to decode (A10)', async () => {
  await setUp({ method: BASIC, clientId: 'A-._~9', secret: 'z-._~0' }).send();
  expect(server.requests[0]?.headers.authorization).toBe(`Basic ${btoa('A-._~9:z-._~0')}`);
});

it('encodes everything else, a blank as +, as RFC 6749 appendix B has it (A10)', async () => {
  await setUp({ method: BASIC, clientId: 'a b', secret: "!'()*ü:" }).send();
  expect(server.requests[0]?.headers.authorization).toBe(`Basic ${btoa('a+b:%21%27%28%29%2A%C3%BC%3A')}`);
  await setUp({ method: POST, clientId: 'a b', secret: "!'()*ü:" }).send();
  expect(server.requests[1]?.body).toBe('token=good&client_id=a+b&client_secret=%21%27%28%29%2A%C3%BC%3A');
});

it('sends one form of credentials at a time (RFC 6749 section 2.3)', async () => {
  server.answerWith(takes([POST]));
  await setUp().send();
  expect(methodsUsed()).toEqual([BASIC, POST]);
});

it('shows the secret nowhere (A9)', async () => {
  server.answerWith(UNAUTHORIZED);
  const { authentication, send, log } = setUp();
  const alarm = await failureOf(send());
  const held = await failureOf(send());
  const shown = everythingIn(authentication, alarm, held, log.records) + inspect(send);
  const [request] = server.requests;
  expect(request?.headers.authorization).toMatch(/^Basic /);
  for (const secret of [SECRET, encodeURIComponent(SECRET), request?.headers.authorization?.slice(6) ?? '']) {
    expect(secret).not.toBe('');
    expect(shown).not.toContain(secret);
  }
});
