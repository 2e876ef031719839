import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { createRequire } from 'node:module';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import formbody from '@fastify/formbody';
import express, { type RequestHandler } from 'express';
import fastify, { type FastifyInstance } from 'fastify';
import { type Context, type Env, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import Koa from 'koa';
import { endpoints as fetchEndpoints } from 'oidc-resource-server/fetch';
import { resourceServerPlugin } from 'oidc-resource-server/fastify';
import { endpoints as honoEndpoints } from 'oidc-resource-server/hono';
import { endpoints as koaEndpoints } from 'oidc-resource-server/koa';
import { endpoints as nodeEndpoints } from 'oidc-resource-server/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formOf, type LogoutFixture, logoutFixture, logoutToken } from '../support/logout-tokens.ts';
import { rawRequest } from '../support/raw-http.ts';
import { tokenTableResourceServer } from '../support/token-table.ts';
import { serveFetch } from './fetch-contract.ts';

// What the framework contract does not ask: applications whose own middleware has read the body, or has begun to.
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const PATH = '/backchannel-logout';
const express4 = createRequire(import.meta.url)('express4') as typeof express;

let fixture: LogoutFixture;
let published: Pick<Awaited<ReturnType<typeof tokenTableResourceServer>>, 'endpoints' | 'challenge'>;
const stops: (() => unknown)[] = [];

beforeEach(async () => {
  fixture = await logoutFixture();
  const { challenge } = await tokenTableResourceServer();
  published = { challenge, endpoints: [fixture.endpoint] };
  stops.push(() => fixture.stop());
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function listen(application: RequestListener): Promise<string> {
  const server = createServer(application);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(() => server.close());
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

async function post(origin: string, body: string, path = PATH): Promise<number> {
  const headers = Object.entries(FORM).map(([name, value]) => `${name}: ${value}`);
  return (await rawRequest(origin, `POST ${path}`, headers, body)).status;
}

/** A good form is taken, and what is none is refused, whatever has been read of it. */
async function expectForms(origin: string): Promise<void> {
  const form = formOf(await logoutToken());
  expect(await post(origin, `more=1&${form}&list=a&list=b`)).toBe(200);
  expect(fixture.revoked).toEqual([{ sid: 'session-1' }, { sub: 'alice' }]);
  const another = formOf(await logoutToken());
  for (const bad of [
    `${another}&${another}`,
    'logout_token[a]=b',
    'logout_token=',
    'x',
    '',
    another.slice(0, -5),
  ]) {
    expect([bad, await post(origin, bad)]).toEqual([bad, 400]);
  }
  const filling = 'é'.repeat(9_000);
  expect(await post(origin, `${another}&a=${encodeURIComponent(filling)}`)).toBe(413);
  expect(fixture.revoked).toHaveLength(2);
}

/** Reads the body, and keeps nothing of it. */
const swallow: RequestHandler = (request, _response, next) => {
  request.on('end', () => {
    next();
  });
  request.resume();
};

describe.each([
  ['Express 5', express],
  ['Express 4', express4],
])('%s', (_name, version) => {
  function application(...middleware: RequestHandler[]): Promise<string> {
    const app = version();
    for (const one of middleware) app.use(one);
    app.use(nodeEndpoints(published));
    return listen(app);
  }

  it.each([
    ['no parser', () => []],
    ['urlencoded, extended', () => [version.urlencoded({ extended: true, limit: '1mb' })]],
    ['urlencoded, plain', () => [version.urlencoded({ extended: false, limit: '1mb' })]],
    ['json', () => [version.json()]],
    ['json and urlencoded', () => [version.json(), version.urlencoded({ extended: true, limit: '1mb' })]],
    ['raw', () => [version.raw({ type: () => true, limit: '1mb' })]],
    ['text', () => [version.text({ type: () => true, limit: '1mb' })]],
  ])('with %s in front', async (_parser, middleware) => {
    await expectForms(await application(...middleware()));
  });

  it('with something slow in front', async () => {
    await expectForms(await application((_request, _response, next) => void setTimeout(next, 30)));
  });

  it('with something in front that reads the body and keeps nothing: the log says so', async () => {
    const origin = await application(swallow);
    expect(await post(origin, formOf(await logoutToken()))).toBe(400);
    expect(fixture.logger.only).toMatchObject({
      fields: { reason: 'logout_token' },
      message: expect.stringContaining('has read the body and kept nothing') as string,
    });
  });
});

describe('Koa', () => {
  /** What body parsers for Koa do, in the shapes in which they leave it. */
  const parser =
    (read: (text: string) => unknown): Koa.Middleware =>
    async (ctx, next) => {
      const chunks: Buffer[] = [];
      for await (const chunk of ctx.req) chunks.push(chunk as Buffer);
      Object.assign(ctx.request, { body: read(Buffer.concat(chunks).toString()) });
      await next();
    };

  it.each<[string, ((text: string) => unknown) | undefined]>([
    ['no parser', undefined],
    [
      'a parser that makes an object',
      (text) => {
        const form = new URLSearchParams(text);
        return Object.fromEntries(
          [...form.keys()].map((name) => [
            name,
            form.getAll(name).length > 1 ? form.getAll(name) : form.get(name),
          ]),
        );
      },
    ],
    ['a parser that keeps the text', (text) => text],
  ])('with %s in front', async (_name, read) => {
    const app = new Koa();
    if (read !== undefined) app.use(parser(read));
    app.use(koaEndpoints(published));
    const callback = app.callback();
    await expectForms(await listen((request, response) => void callback(request, response)));
  });
});

describe('Fastify', () => {
  async function start(app: FastifyInstance): Promise<string> {
    const origin = await app.listen({ port: 0, host: '127.0.0.1' });
    stops.push(() => app.close());
    return origin;
  }
  const plugin = (app: FastifyInstance) => app.register(resourceServerPlugin, { resourceServer: published });

  it.each<[string, (app: FastifyInstance) => unknown]>([
    ['nothing', plugin],
    ['@fastify/formbody before it', (app) => plugin(app.register(formbody))],
    ['@fastify/formbody after it', (app) => plugin(app).register(formbody)],
    [
      'a parser for everything',
      (app) => {
        app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
          done(null, body);
        });
        return plugin(app);
      },
    ],
    [
      'no parser at all',
      (app) => {
        app.removeAllContentTypeParsers();
        return plugin(app);
      },
    ],
    [
      'a slow hook',
      (app) => {
        app.addHook('onRequest', () => sleep(30));
        return plugin(app);
      },
    ],
  ])('with %s', async (_name, prepare) => {
    const app = fastify();
    prepare(app);
    await expectForms(await start(app));
  });

  it('gives the routes of the application no parser', async () => {
    const app = fastify();
    app.register(resourceServerPlugin, { resourceServer: published });
    app.post('/form', () => ({}));
    expect(await post(await start(app), 'a=b', '/form')).toBe(415);
  });

  it('takes them from inject()', async () => {
    const app = fastify();
    app.register(resourceServerPlugin, { resourceServer: published, prefix: '/hooks' });
    const request = { method: 'POST', url: `/hooks${PATH}`, headers: FORM } as const;
    const payload = formOf(await logoutToken());
    expect((await app.inject({ ...request, payload })).statusCode).toBe(200);
    expect((await app.inject({ ...request, payload })).statusCode).toBe(400);
    expect((await app.inject(request)).statusCode).toBe(400);
    await app.close();
  });

  it('takes them over HTTP/2', async () => {
    const app = fastify({ http2: true });
    app.register(resourceServerPlugin, { resourceServer: published });
    const origin = await start(app as unknown as FastifyInstance);
    const session = connectHttp2(origin);
    const request = session.request({ ':method': 'POST', ':path': PATH, ...FORM });
    request.end(formOf(await logoutToken()));
    const [headers] = (await once(request, 'response')) as [{ ':status': number }];
    expect(headers[':status']).toBe(200);
    session.destroy();
  });
});

describe('Hono', () => {
  async function start(read: (c: Context) => unknown): Promise<string> {
    const app = new Hono();
    app.use(async (c, next) => {
      await read(c);
      await next();
    });
    app.route('/', honoEndpoints(published));
    const { origin, close } = await serveFetch(app.fetch);
    stops.push(close);
    return origin;
  }

  it.each<[string, (c: Context) => unknown]>([
    ['nothing', () => undefined],
    ['parseBody()', (c) => c.req.parseBody()],
    ['parseBody({ all: true })', (c) => c.req.parseBody({ all: true })],
    ['formData()', (c) => c.req.formData()],
    ['text()', (c) => c.req.text()],
    ['arrayBuffer()', (c) => c.req.arrayBuffer()],
    ['blob()', (c) => c.req.blob()],
    [
      'bodyLimit',
      (c) => bodyLimit({ maxSize: 1_000_000 })(c as Context<Env, string>, () => Promise.resolve()),
    ],
  ])('with %s in front', async (_name, read) => {
    await expectForms(await start(read));
  });

  it('with something in front that reads the body and keeps nothing', async () => {
    const origin = await start((c) => c.req.raw.text());
    expect(await post(origin, formOf(await logoutToken()))).toBe(400);
  });
});

describe('the Fetch API', () => {
  const request = (init: RequestInit = {}): Request =>
    new Request(`https://api.example.com${PATH}`, { method: 'POST', headers: FORM, ...init });

  it('takes a form of any kind of body', async () => {
    for (const wrap of [
      (form: string) => form,
      (form: string) => new URLSearchParams(form),
      (form: string) => new TextEncoder().encode(form),
      (form: string) => new Blob([form]),
    ]) {
      const body = wrap(formOf(await logoutToken()));
      expect((await fetchEndpoints(published)(request({ body })))?.status).toBe(200);
    }
  });

  it('refuses a body that was read before, is being read, or breaks off', async () => {
    const used = request({ body: formOf(await logoutToken()) });
    await used.text();
    const locked = request({ body: formOf(await logoutToken()) });
    locked.body?.getReader();
    const broken = new ReadableStream({
      pull: (controller) => {
        controller.error(new Error('hung up'));
      },
    });
    const breaking = request({ body: broken, duplex: 'half' } as RequestInit);
    for (const one of [used, locked, breaking, request()]) {
      expect((await fetchEndpoints(published)(one))?.status).toBe(400);
    }
  });

  it('reads no more of an endless body than it must (P3)', async () => {
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled += 1;
        controller.enqueue(new Uint8Array(1024));
      },
    });
    const body = { body: endless, duplex: 'half' } as RequestInit;
    expect((await fetchEndpoints(published)(request(body)))?.status).toBe(413);
    expect(pulled).toBeLessThan(25);
  });

  it('leaves the body of every other request alone', async () => {
    const get = request({ method: 'PUT', body: formOf(await logoutToken()) });
    expect((await fetchEndpoints(published)(get))?.status).toBe(405);
    expect(get.bodyUsed).toBe(false);
  });
});

describe('node:http', () => {
  it('survives a caller that hangs up in the middle (X2)', async () => {
    const origin = await listen((request, response) => {
      nodeEndpoints(published)(request, response, () => response.writeHead(404).end());
    });
    const { port, hostname } = new URL(origin);
    for (const end of ['destroy', 'resetAndDestroy'] as const) {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      socket.write(
        `POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: ${FORM['content-type']}\r\nContent-Length: 999\r\n\r\nlogout`,
      );
      await sleep(50);
      socket[end]();
      await sleep(50);
    }
    expect(fixture.logger.records.map(({ fields }) => fields.reason)).toEqual([
      'logout_token',
      'logout_token',
    ]);
    expect(await post(origin, formOf(await logoutToken()))).toBe(200);
  });

  it('does not wait for a body that is announced as too large (P3)', async () => {
    const origin = await listen((request, response) => {
      nodeEndpoints(published)(request, response, () => response.writeHead(404).end());
    });
    const headers = [`Content-Type: ${FORM['content-type']}`, 'Content-Length: 16385'];
    expect((await rawRequest(origin, `POST ${PATH}`, headers)).status).toBe(413);
  });

  it('keeps the connection after a body that is too large', async () => {
    const origin = await listen((request, response) => {
      nodeEndpoints(published)(request, response, () => response.writeHead(404).end());
    });
    const { port, hostname } = new URL(origin);
    const socket = connect(Number(port), hostname);
    const head = `POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: ${FORM['content-type']}\r\n`;
    const large = 'x'.repeat(20_000);
    const good = formOf(await logoutToken());
    socket.write(`${head}Content-Length: ${String(large.length)}\r\n\r\n${large}`);
    const chunk = `${large.length.toString(16)}\r\n${large}\r\n`;
    socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk}${chunk}0\r\n\r\n`);
    socket.write(`${head}Connection: close\r\nContent-Length: ${String(good.length)}\r\n\r\n${good}`);
    let text = '';
    for await (const data of socket) text += String(data);
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 413', 'HTTP/1.1 200']);
  });
});
