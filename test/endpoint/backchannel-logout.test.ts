import { afterEach, describe, expect, it } from 'vitest';
import { LogoutRejections } from '../../src/endpoint/logout-rejections.ts';
import { OnceOnly } from '../../src/endpoint/once-only.ts';
import { referenceOf } from '../../src/secret.ts';
import type { Answer, ReadBody } from '../../src/types.ts';
import { failureOf, MARKER } from '../support/faults.ts';
import {
  ANOTHER_KEY,
  formOf,
  type LogoutFixture,
  logoutFixture,
  logoutToken,
} from '../support/logout-tokens.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

const FORM = ['Content-Type', 'application/x-www-form-urlencoded'];
const INVALID = {
  status: 400,
  headers: { 'cache-control': 'no-store', 'content-type': 'application/json' },
  body: '{"error":"invalid_request"}',
};
const DONE = { status: 200, headers: { 'cache-control': 'no-store' }, body: '' };

const started: LogoutFixture[] = [];
afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
});

async function start(...options: Parameters<typeof logoutFixture>): Promise<LogoutFixture> {
  const fixture = await logoutFixture(...options);
  started.push(fixture);
  return fixture;
}

/** As a framework adapter calls it. */
async function post(
  { endpoint }: LogoutFixture,
  body: string,
  { method = 'POST', headers = FORM }: { method?: string; headers?: string[] } = {},
): Promise<Answer & { read: number }> {
  let read = 0;
  const readBody: ReadBody = (maxBytes) => {
    read += 1;
    return Promise.resolve(body.length > maxBytes ? undefined : body);
  };
  const answer = await endpoint.respond(
    { method, url: '/backchannel-logout', rawHeaders: headers },
    readBody,
  );
  return { ...answer, read };
}

describe('a logout', () => {
  it('revokes by session and by person, once that is written down, and says so', async () => {
    const fixture = await start();
    const token = await logoutToken();
    expect(await post(fixture, formOf(token))).toEqual({ ...DONE, read: 1 });
    expect(fixture.revoked).toEqual([{ sid: 'session-1' }, { sub: 'alice' }]);
    expect(fixture.logger.records.filter(({ level }) => level !== 'debug')).toEqual([
      {
        level: 'info',
        fields: {
          event: 'logout.received',
          user_ref: referenceOf('alice'),
          session_ref: referenceOf('session-1'),
        },
        message: 'A session has ended; what was cached about it is not used any more.',
      },
    ]);
  });

  it('revokes by what there is', async () => {
    const fixture = await start();
    await post(fixture, formOf(await logoutToken({ sid: undefined })));
    await post(fixture, formOf(await logoutToken({ sub: undefined, sid: 's' })));
    expect(fixture.revoked).toEqual([{ sub: 'alice' }, { sid: 's' }]);
  });

  it.each([
    ['Content-Type', 'application/x-www-form-urlencoded; charset=utf-8'],
    ['content-type', ' APPLICATION/X-WWW-Form-URLEncoded '],
  ])('may come with %s: %s, and other parameters', async (...headers) => {
    const fixture = await start();
    const body = `a=b&${formOf(await logoutToken())}&logout=1`;
    expect((await post(fixture, body, { headers })).status).toBe(200);
  });

  it('needs no credentials, and no CORS answers it', async () => {
    const fixture = await start();
    const headers = [...FORM, 'Origin', 'https://app.example.com', 'Authorization', 'Bearer x'];
    const answer = await post(fixture, formOf(await logoutToken()), { headers });
    expect(answer).toMatchObject(DONE);
  });

  it('is answered though the logger fails', async () => {
    const fail = () => {
      throw new Error('disk full');
    };
    const logger = { debug: () => undefined, info: fail, warn: fail, error: fail };
    const fixture = await start({ logger });
    expect((await post(fixture, formOf(await logoutToken()))).status).toBe(200);
    expect((await post(fixture, 'nothing')).status).toBe(400);
  });
});

describe('refused', () => {
  it.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'post', ''])(
    'the method %j by 405, without a look at the body',
    async (method) => {
      const fixture = await start();
      expect(await post(fixture, formOf(await logoutToken()), { method })).toEqual({
        status: 405,
        headers: { allow: 'POST', 'cache-control': 'no-store' },
        body: '',
        read: 0,
      });
      expect(fixture.revoked).toEqual([]);
    },
  );

  it.each([
    [[]],
    [['Content-Type', 'application/json']],
    [['Content-Type', 'multipart/form-data; boundary=x']],
    [['Content-Type', 'text/plain']],
    [['Content-Type', '']],
    [['Content-Type', 'application/x-www-form-urlencoded2']],
    [['X', 'Content-Type', 'application/x-www-form-urlencoded', 'X']],
    [[...FORM, ...FORM]],
  ])('the headers %j by 415, without a look at the body', async (headers) => {
    const fixture = await start();
    expect(await post(fixture, formOf(await logoutToken()), { headers })).toEqual({
      ...INVALID,
      status: 415,
      read: 0,
    });
    expect(fixture.revoked).toEqual([]);
  });

  it('a body of more than 16 KB by 413, and one of exactly so much by what is in it', async () => {
    const fixture = await start();
    const form = `${formOf(await logoutToken())}&x=`;
    const largest = form + 'x'.repeat(16 * 1024 - form.length);
    expect((await post(fixture, `${largest}x`)).status).toBe(413);
    expect((await post(fixture, largest)).status).toBe(200);
  });

  it.each([
    '',
    'logout_token',
    'logout_token=',
    'LOGOUT_TOKEN=a.b.c',
    'logout-token=a.b.c',
    '{"logout_token":"a.b.c"}',
  ])('a body without a logout token: %j', async (body) => {
    const fixture = await start();
    expect(await post(fixture, body)).toEqual({ ...INVALID, read: 1 });
    expect(fixture.logger.only.fields).toEqual({ event: 'logout.rejected', reason: 'logout_token' });
  });

  it('a body that nobody can read', async () => {
    const fixture = await start();
    const request = { method: 'POST', url: '/backchannel-logout', rawHeaders: FORM };
    expect((await fixture.endpoint.respond(request)).status).toBe(413);
  });

  it('two logout tokens, also the same twice', async () => {
    const fixture = await start();
    const form = formOf(await logoutToken());
    expect((await post(fixture, `${form}&${form}`)).status).toBe(400);
    expect((await post(fixture, `${form}&logout_token=`)).status).toBe(400);
    expect(fixture.revoked).toEqual([]);
  });

  it.each([
    ['signature', {}, {}, ANOTHER_KEY],
    ['type', {}, { typ: 'at+jwt' }, undefined],
    ['aud', { aud: 'another' }, {}, undefined],
    ['iat', { iat: 1 }, {}, undefined],
    ['nobody', { sub: undefined, sid: undefined }, {}, undefined],
  ])(
    'a bad logout token: %s, which only the log learns (E1, E2, E4)',
    async (reason, claims, header, key) => {
      const fixture = await start();
      const token = await logoutToken({ ...claims, marked: `${MARKER}\n\u001b[31m` }, header, key);
      expect(await post(fixture, formOf(token))).toEqual({ ...INVALID, read: 1 });
      expect(fixture.revoked).toEqual([]);
      const [record, another] = fixture.logger.records.filter(({ level }) => level !== 'debug');
      expect(another).toBeUndefined();
      expect(record).toMatchObject({ level: 'warn', fields: { event: 'logout.rejected', reason } });
      for (const part of [MARKER, 'alice', 'session-1', ...token.split('.')]) {
        expect(fixture.logger.text).not.toContain(part);
      }
    },
  );

  it('floods warn once a minute for each reason (P3)', () => {
    const logger = new RecordingLogger();
    let now = 0;
    const rejections = new LogoutRejections(logger, () => now);
    const levelOf = (reason: string) => {
      rejections.log(reason, 'Why.');
      return logger.records.at(-1)?.level;
    };
    expect(['a', 'a', 'b', 'b'].map(levelOf)).toEqual(['warn', 'info', 'warn', 'info']);
    now = 59_999;
    expect(levelOf('a')).toBe('info');
    now = 60_000;
    expect(levelOf('a')).toBe('warn');
  });
});

describe('a replay', () => {
  it('is refused, whatever else is in the token (J9)', async () => {
    const fixture = await start();
    const form = formOf(await logoutToken({ jti: 'once' }));
    expect((await post(fixture, form)).status).toBe(200);
    expect(await post(fixture, form)).toEqual({ ...INVALID, read: 1 });
    expect((await post(fixture, formOf(await logoutToken({ jti: 'once', sub: 'bob' })))).status).toBe(400);
    expect(fixture.revoked).toHaveLength(2);
    expect(fixture.logger.records.at(-1)?.fields).toEqual({ event: 'logout.rejected', reason: 'replayed' });
  });

  it('is none where the first one was refused (J9)', async () => {
    const fixture = await start();
    expect((await post(fixture, formOf(await logoutToken({ jti: 'x', aud: 'another' })))).status).toBe(400);
    expect((await post(fixture, formOf(await logoutToken({ jti: 'x' }, {}, ANOTHER_KEY)))).status).toBe(400);
    expect((await post(fixture, formOf(await logoutToken({ jti: 'x' })))).status).toBe(200);
  });

  it('at the same time: one wins (J9)', async () => {
    const fixture = await start({ revoke: () => new Promise((resolve) => setTimeout(resolve, 20)) });
    const form = formOf(await logoutToken());
    const answers = await Promise.all([1, 2, 3].map(() => post(fixture, form)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400]);
    expect(fixture.revoked).toHaveLength(2);
  });

  it('is remembered until the token has expired, and no longer', async () => {
    const once = new OnceOnly();
    const act = () => Promise.resolve();
    expect(await once.run('a', 100, act, 50)).toBe(true);
    expect(await once.run('a', 100, act, 99.9)).toBe(false);
    expect(await once.run('a', 100, act, 100)).toBe(true);
  });

  it('is remembered in bounded memory: the expired go first, then the oldest', async () => {
    const once = new OnceOnly(3);
    const take = (name: string, until: number, now: number) =>
      once.run(name, until, () => Promise.resolve(), now);
    for (const [name, until] of [
      ['a', 100],
      ['b', 10],
      ['c', 100],
    ] as const)
      await take(name, until, 0);
    await take('d', 100, 20);
    expect(await take('a', 100, 20)).toBe(false);
    await take('e', 100, 20);
    expect(await take('c', 100, 20)).toBe(false);
    expect(await take('d', 100, 20)).toBe(false);
    expect(await take('a', 100, 20)).toBe(true);
  });
});

describe('when it cannot be done', () => {
  const UNAVAILABLE = {
    status: 503,
    headers: { 'cache-control': 'no-store', 'content-type': 'application/json', 'retry-after': '5' },
    body: '{"error":"temporarily_unavailable"}',
  };

  it('503 asks for another try, which is then taken (J9)', async () => {
    let down = true;
    const fixture = await start({
      revoke: () => (down ? Promise.reject(new RangeError(`redis://:${MARKER}@cache`)) : Promise.resolve()),
    });
    const form = formOf(await logoutToken());
    expect(await post(fixture, form)).toEqual({ ...UNAVAILABLE, read: 1 });
    expect(fixture.logger.records.at(-1)).toMatchObject({
      level: 'error',
      fields: { event: 'logout.failed', cause: 'RangeError', user_ref: referenceOf('alice') },
    });
    expect(fixture.logger.text).not.toContain(MARKER);
    down = false;
    expect((await post(fixture, form)).status).toBe(200);
    expect((await post(fixture, form)).status).toBe(400);
  });

  it('one of two revocations is not enough', async () => {
    const fixture = await start({
      revoke: (target) => ('sub' in target ? Promise.reject(new Error('down')) : Promise.resolve()),
    });
    expect((await post(fixture, formOf(await logoutToken()))).status).toBe(503);
  });

  it('a revocation that throws at once is no other', async () => {
    const fixture = await start({
      revoke: () => {
        throw new Error('down');
      },
    });
    expect((await post(fixture, formOf(await logoutToken()))).status).toBe(503);
  });

  it('whoever came at the same time is asked for another try as well', async () => {
    const fixture = await start({
      revoke: () => new Promise((_resolve, reject) => setTimeout(reject, 20, new Error('down'))),
    });
    const form = formOf(await logoutToken());
    const answers = await Promise.all([1, 2, 3].map(() => post(fixture, form)));
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 503]);
  });

  it('503 without signing keys, with the time until they are looked for again', async () => {
    const fixture = await start({ status: 500 });
    const form = formOf(await logoutToken());
    expect(await post(fixture, form)).toEqual({ ...UNAVAILABLE, read: 1 });
    const again = await post(fixture, form);
    expect(again.status).toBe(503);
    expect(Number(again.headers['retry-after'])).toBeGreaterThan(20);
    expect(fixture.revoked).toEqual([]);
  });

  it('an error that nobody foresaw is thrown on: the adapter answers 500', async () => {
    const fixture = await start();
    const broken = new TypeError('bug');
    fixture.signingKeys.verify = () => Promise.reject(broken);
    expect(await failureOf(post(fixture, formOf(await logoutToken())))).toBe(broken);
  });
});
