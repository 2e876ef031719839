// Without a server: the one of @hono/node-server replaces the global Request and Response by its own.
import {
  type Authentication,
  type ClaimsUser,
  type Endpoint,
  InsufficientScopeError,
  type ResourceRequest,
  type UserAuthentication,
} from 'oidc-resource-server';
import { endpoints, protect } from 'oidc-resource-server/fetch';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { tokenTableResourceServer } from '../support/token-table.ts';

const resourceServer = await tokenTableResourceServer();
const URL_OF_ME = 'https://api.example.com/me';

function requestOf(token?: string, init: RequestInit = {}): Request {
  return new Request(URL_OF_ME, {
    ...init,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
}

describe('a request', () => {
  /** What the resource server gets to see. */
  async function seen(request: Request): Promise<ResourceRequest> {
    let asked: ResourceRequest | undefined;
    const watching = {
      ...resourceServer,
      authenticate: (given: ResourceRequest) => {
        asked = given;
        return Promise.reject(new Error('that is all'));
      },
    };
    await protect(watching as typeof resourceServer, {}, () => new Response())(request);
    return asked as ResourceRequest;
  }

  it('is its method, its path and query, and its headers', async () => {
    const request = new Request('https://api.example.com:8443/a//b?c=https://d/%65', {
      method: 'PUT',
      headers: { DPoP: 'proof', Accept: 'a, Bearer b' },
    });
    expect(await seen(request)).toEqual({
      method: 'PUT',
      url: '/a//b?c=https://d/%65',
      rawHeaders: ['accept', 'a, Bearer b', 'dpop', 'proof'],
    });
    expect((await seen(new Request('https://api.example.com?a=b'))).url).toBe('/?a=b');
    expect((await seen(new Request('https://api.example.com'))).url).toBe('/');
  });

  it.each([
    'Basic YTpi, Bearer alice-token',
    'Basic YTpi,bearer alice-token',
    'Basic YTpi, DPoP alice-token',
    'Basic YTpi, Bearer',
    'Basic YTpi, Bearer, Basic YTpi',
    ', Bearer alice-token',
    'Bearer alice-token, Basic YTpi',
    'Bearer alice-token,',
  ])('with the joined headers "%s" is refused with 400 (R2)', async (authorization) => {
    const me = protect(resourceServer, { optional: true }, () => new Response('let in'));
    const response = await me(new Request(URL_OF_ME, { headers: { authorization } }));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: 'invalid_request' });
  });

  it.each(['Digest username="alice", realm="api"', 'Digest a=b, BearerX=c', 'Basic YTpi'])(
    'with one header of another scheme, "%s", has no credentials (R1)',
    async (authorization) => {
      const me = protect(resourceServer, {}, () => new Response('let in'));
      const response = await me(new Request(URL_OF_ME, { headers: { authorization } }));
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ error: 'unauthenticated' });
    },
  );
});

describe('the handler', () => {
  it('gets the request itself, unread, and what the framework passes besides', async () => {
    const request = requestOf('alice-token', { method: 'POST', body: 'text' });
    const handler = protect(
      resourceServer,
      {},
      async (given: Request, auth, { params }: { params: Promise<{ id: string }> }, last: number) =>
        Response.json([given === request, await given.text(), auth.user.subject, (await params).id, last]),
    );
    expectTypeOf(handler).parameters.toEqualTypeOf<[Request, { params: Promise<{ id: string }> }, number]>();
    const response = await handler(request, { params: Promise.resolve({ id: '5' }) }, 7);
    expect(await response.json()).toEqual([true, 'text', 'alice', '5', 7]);
  });

  it('has a request of the type that the framework passes', () => {
    class NextRequest extends Request {
      readonly nextUrl = 'more';
    }
    const handler = protect(resourceServer, {}, ({ nextUrl }: NextRequest) => new Response(nextUrl));
    expectTypeOf(handler).parameters.toEqualTypeOf<[NextRequest]>();
  });

  it('gets what the requirements promise', () => {
    protect(resourceServer, { scopes: ['groups'] }, (request, auth, ...rest) => {
      expectTypeOf(request).toEqualTypeOf<Request>();
      expectTypeOf(auth).toEqualTypeOf<UserAuthentication<ClaimsUser>>();
      expectTypeOf(rest).toEqualTypeOf<[]>();
      return new Response();
    });
    protect(resourceServer, { clients: true, optional: true }, (_request, auth) => {
      expectTypeOf(auth).toEqualTypeOf<Authentication<ClaimsUser> | undefined>();
      return new Response();
    });
    // @ts-expect-error -- a requirement that there is not
    protect(resourceServer, { scope: ['groups'] }, () => new Response());
  });

  it('is not run for a preflight, nor for what is only like one (R7)', async () => {
    const handler = protect(resourceServer, {}, () => new Response('let in'));
    const preflight = { origin: 'https://app.example.com', 'access-control-request-method': 'GET' };
    const ask = async (method: string, headers: HeadersInit): Promise<[number, string]> => {
      const response = await handler(new Request(URL_OF_ME, { method, headers }));
      return [response.status, (await response.text()) && 'a body'];
    };
    expect(await ask('OPTIONS', preflight)).toEqual([204, '']);
    expect(await ask('OPTIONS', { origin: preflight.origin })).toEqual([401, 'a body']);
    expect(await ask('OPTIONS', { 'access-control-request-method': 'GET' })).toEqual([401, 'a body']);
    expect(await ask('GET', preflight)).toEqual([401, 'a body']);
  });

  it.each([new Error('NEXT_REDIRECT'), 'a string', undefined])(
    'may throw %s: it is thrown on, the same',
    async (thrown) => {
      const outcomes = await Promise.allSettled([
        protect(resourceServer, {}, () => {
          // eslint-disable-next-line @typescript-eslint/only-throw-error -- frameworks throw what they like
          throw thrown;
        })(requestOf('alice-token')),
        protect(resourceServer, {}, () => Promise.reject(thrown as Error))(requestOf('alice-token')),
      ]);
      expect(outcomes).toEqual(Array(2).fill({ status: 'rejected', reason: thrown }));
    },
  );

  it('may refuse with an error of this package', async () => {
    const refuse = protect(resourceServer, {}, () => {
      throw new InsufficientScopeError(['admin']);
    });
    const response = await refuse(requestOf('alice-token'));
    expect(response.status).toBe(403);
    expect(response.headers.get('www-authenticate')).toContain('scope="admin"');
    expect(response.headers.get('cache-control')).toBe('no-store');
  });
});

describe('the answer', () => {
  it('of the handler is private, also where its headers cannot be changed', async () => {
    const redirect = Response.redirect('https://elsewhere.example.com/', 307);
    expect(() => {
      redirect.headers.set('a', 'b');
    }).toThrow(TypeError);
    const moved = await protect(resourceServer, {}, () => redirect)(requestOf('alice-token'));
    expect([moved.status, moved.headers.get('location'), moved.headers.get('cache-control')]).toEqual([
      307,
      'https://elsewhere.example.com/',
      'private',
    ]);

    const proxy = protect(resourceServer, {}, () => fetch('data:text/plain,from%20upstream'));
    const proxied = await proxy(requestOf('alice-token'));
    expect([proxied.status, await proxied.text()]).toEqual([200, 'from upstream']);
    expect(proxied.headers.get('content-type')).toBe('text/plain');
    expect(proxied.headers.get('cache-control')).toBe('private');
  });

  it('of the handler is the very object that it returned, where that can be', async () => {
    const given = new Response('text', { headers: { 'set-cookie': 'a=b' } });
    expect(await protect(resourceServer, {}, () => given)(requestOf('alice-token'))).toBe(given);
    expect(given.headers.get('cache-control')).toBe('private');
  });

  it('of the handler stays what it is where it is no answer to store', async () => {
    const error = Response.error();
    expect(await protect(resourceServer, {}, () => error)(requestOf('alice-token'))).toBe(error);
  });

  it('to a HEAD request that is refused has no body', async () => {
    const me = protect(resourceServer, {}, () => new Response());
    const response = await me(requestOf(undefined, { method: 'HEAD' }));
    expect(response.status).toBe(401);
    expect(response.body).toBeNull();
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="api"');
  });
});

describe('endpoints()', () => {
  const at = (path: string): Request => new Request(`https://api.example.com${path}`);

  it('leaves other paths alone, at once', () => {
    const published = endpoints(resourceServer);
    for (const path of ['/', '/jwks/', '//jwks', '/a/jwks', '/JWKS', '/jwks%2F']) {
      expect(published(at(path)), path).toBeUndefined();
    }
  });

  it.each(['/api', '/api/'])('finds them below the mount path "%s"', async (mountPath) => {
    const published = endpoints(resourceServer, mountPath);
    expect((await published(at('/api/jwks?a=b')))?.status).toBe(200);
    expect(published(at('/jwks'))).toBeUndefined();
    expect(published(at('/api'))).toBeUndefined();
  });

  it('answers who knows the ETag with 304, without a body (P3)', async () => {
    const published = endpoints(resourceServer);
    const etag = (await published(at('/jwks')))?.headers.get('etag') ?? '';
    const again = new Request(at('/jwks'), { headers: { 'if-none-match': etag } });
    const response = await published(again);
    expect([response?.status, response?.body]).toEqual([304, null]);
  });

  it('answers 500 where an endpoint fails, and sends every value of a header', async () => {
    const failing: Endpoint = { path: '/fails', respond: () => Promise.reject(new Error('s3cr3t')) };
    const headers = { 'www-authenticate': ['Bearer', 'DPoP'] };
    const two: Endpoint = {
      path: '/two',
      respond: () => Promise.resolve({ status: 401, headers, body: '' }),
    };
    const published = endpoints({ ...resourceServer, endpoints: [failing, two] });
    const response = await published(at('/fails'));
    expect(response?.status).toBe(500);
    expect(await response?.text()).not.toContain('s3cr3t');
    expect((await published(at('/two')))?.headers.get('www-authenticate')).toBe('Bearer, DPoP');
  });
});
