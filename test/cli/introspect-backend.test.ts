import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { IntrospectionResourceServerBackend } from '../../src/backend/introspection-backend.ts';
import { ResourceServerBackend } from '../../src/backend/resource-server-backend.ts';
import type { Claims } from '../../src/claims.ts';
import { registerBackend } from '../../src/container.ts';
import { InvalidTokenError } from '../../src/errors.ts';
import type { AccessToken } from '../../src/secret.ts';
import type { Requirements } from '../../src/types.ts';
import { introspect } from '../support/introspect-command.ts';
import { type IntrospectionServer, live, startIntrospectionServer } from '../support/introspection-server.ts';

const TOKEN = 'a-token-of-the-fake-server';
let fake: IntrospectionServer;
let written = 0;

beforeAll(async () => {
  fake = await startIntrospectionServer();
});
beforeEach(() => {
  fake.reset();
  written = 0;
});
afterAll(() => fake.close());

type User = Record<string, unknown>;
type BackendClass = new (...args: never[]) => ResourceServerBackend<User>;

/** Introspects a token by a backend of the application's own. */
async function by(Backend: BackendClass, ...args: string[]) {
  registerBackend(Backend.name, Backend as never);
  const settings = fake.settings({ OIDC_RS_ALLOWED_AUDIENCES: 'spa', OIDC_RS_BACKEND_CLASS: Backend.name });
  return introspect(settings, TOKEN, ...args);
}

describe("a backend of the application's own", () => {
  it('may refuse what the package would let in', async () => {
    class Stricter extends IntrospectionResourceServerBackend<User> {
      override verifyClaims(claims: Claims, requirements: Requirements): void {
        void super.verifyClaims(claims, requirements);
        throw new InvalidTokenError('claims', `Only admins, and ${TOKEN} is none.`);
      }
    }
    const run = await by(Stricter);
    expect(run.line('verifyClaims')).toBe(
      '✗ 4 verifyClaims: Stricter has to accept the claims; it refuses for `claims`: Only admins, and [secret] is none; it decides by a verifyClaims of its own.',
    );
    expect(run.line('audience')).toMatch(/^✓/);
    expect(run.code).toBe(1);
  });

  it('may say no by false, as in Django', async () => {
    class SaysNo extends IntrospectionResourceServerBackend<User> {
      override verifyClaims(): Promise<void> {
        return Promise.resolve(false as unknown as undefined);
      }
    }
    const run = await by(SaysNo);
    expect(run.line('verifyClaims')).toContain('verifyClaims returned false');
    expect(run).toMatchObject({ code: 1, marks: '✓✓✓✗–' });
  });

  it('may let in what the package would refuse', async () => {
    class Laxer extends IntrospectionResourceServerBackend<User> {
      override verifyClaims(): void {
        // Whoever comes.
      }
    }
    const run = await by(Laxer, '--scopes', 'admin');
    expect(run.line('verifyClaims')).toMatch(/^✓ .*; it does; it decides by a verifyClaims of its own\.$/);
    expect(run.line('scopes')).toMatch(/^✗/);
    expect(run.code).toBe(0);
  });

  it('cannot let in a caller who is not known', async () => {
    fake.answerWith({ body: live({ client_id: 'other' }) });
    class AnyCaller extends IntrospectionResourceServerBackend<User> {
      override verifyClaims(): void {
        // Whoever comes.
      }
    }
    const run = await by(AnyCaller);
    expect(run).toMatchObject({ code: 1, marks: '✓✓✓✗–' });
    expect(run.line('audience')).toMatch(/^✗/);
  });

  it('may get its claims elsewhere: what introspection alone checks is left out', async () => {
    const cyclic: Record<string, unknown> = {};
    class Elsewhere extends ResourceServerBackend<User> {
      override getClaims(): Promise<Claims> {
        return Promise.resolve({ ...live(), big: 10n, scope: 'groups' });
      }
    }
    const run = await by(Elsewhere);
    expect(run.line('getClaims')).toMatch(
      /^✓ .*Elsewhere has to vouch for the token; it does, with \d+ claims\.$/,
    );
    expect(run.line('active')).toBe('');
    expect(run.out).toContain('  big: "10"\n');
    expect(run.code).toBe(0);
    cyclic.self = cyclic;
    class Endless extends ResourceServerBackend<User> {
      override getClaims(): Promise<Claims> {
        return Promise.resolve({ ...live(), cyclic });
      }
    }
    const endless = await by(Endless);
    expect(endless).toMatchObject({ code: 3, marks: '✓✗–––' });
    expect(endless.line('getClaims')).toContain('it fails with RangeError, which nobody foresaw');
    expect(endless.out).toContain('HTTP/1.1 500 Internal Server Error\n');
  });

  it('may throw what nobody foresaw: only its name is told (A9)', async () => {
    class Broken extends IntrospectionResourceServerBackend<User> {
      protected override introspect(): Promise<Claims> {
        return Promise.reject(new TypeError(`with ${TOKEN}`));
      }
    }
    const run = await by(Broken);
    expect(run.line('getClaims')).toContain('it fails with TypeError, which nobody foresaw');
    expect(run.code).toBe(3);
  });

  it.each(['getOrCreateUser', 'createUser', 'updateUser'] as const)(
    'has a %s of its own, which may write and is not called',
    async (hook) => {
      class Writes extends IntrospectionResourceServerBackend<User> {
        protected override getUser(claims: Claims): Promise<User | undefined> {
          return Promise.resolve(hook === 'createUser' ? undefined : { id: `user-${String(claims.sub)}` });
        }
      }
      Object.defineProperty(Writes, 'name', { value: `Writes_${hook}` });
      Object.defineProperty(Writes.prototype, hook, {
        writable: true,
        value: () => {
          written += 1;
          return Promise.resolve({ id: 1 });
        },
      });
      const run = await by(Writes);
      expect(run.line('getOrCreateUser')).toContain(
        `Writes_${hook} has a ${hook} of its own, which is not called here: it may write.`,
      );
      expect(run.code).toBe(hook === 'createUser' ? 1 : 0);
      if (hook !== 'createUser') expect(run.out).toContain('  user_id: user-alice\n');
      expect(written).toBe(0);
    },
  );

  it('is asked for the token as it is sent, also in a base64 second try (B1)', async () => {
    fake.answerWith({ body: { active: false } }, { body: live() });
    const encoded = Buffer.from('the-very-token-inside-').toString('base64');
    const settings = fake.settings({ OIDC_RS_ALLOWED_AUDIENCES: 'spa', OIDC_RS_BASE64_TOKENS: 'true' });
    const run = await introspect(settings, encoded);
    expect(run.line('answer')).toContain(
      ', the second time about what the token is the base64 of and should',
    );
    expect(run.out).not.toContain('the-very-token-inside-');
    expect(fake.requests.map(({ form }) => form.get('token'))).toEqual([encoded, 'the-very-token-inside-']);
    expect(run.code).toBe(0);
  });

  it('has not been told of the claims where the second try fails (B1)', async () => {
    fake.answerWith({ body: { active: false } }, { status: 500 });
    const encoded = Buffer.from('the-very-token-inside-').toString('base64');
    const settings = fake.settings({ OIDC_RS_ALLOWED_AUDIENCES: 'spa', OIDC_RS_BASE64_TOKENS: 'true' });
    const run = await introspect(settings, encoded);
    expect(run.line('active')).toBe('');
    expect(run.out).not.toContain('\nClaims\n');
    expect(run.code).toBe(3);
  });

  it('gets a token that is an AccessToken', async () => {
    let seen: AccessToken | undefined;
    class Looks extends IntrospectionResourceServerBackend<User> {
      protected override getUser(_: Claims, token: AccessToken): Promise<User> {
        seen = token;
        return Promise.resolve({});
      }
    }
    expect((await by(Looks)).code).toBe(0);
    expect(seen?.reveal()).toBe(TOKEN);
  });
});
