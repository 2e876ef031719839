import { types } from 'node:util';
import { IntrospectionResourceServerBackend } from '../backend/introspection-backend.ts';
import type { BackendDependencies } from '../backend/resource-server-backend.ts';
import type { Claims } from '../claims.ts';
import type { AccessToken } from '../secret.ts';
import { fakeClaims, type FakePersonToken, type FakeToken } from './fake-tokens.ts';

const INACTIVE: Claims = Object.freeze({ active: false });

/** Looks tokens up in a table where the shipped backend asks the authorization server. All its checks are the real ones. */
export class FakeBackend<U> extends IntrospectionResourceServerBackend<U> {
  readonly #answers = new Map<string, Claims | Error>();
  readonly #users = new Map<string, U | undefined>();

  constructor(dependencies: BackendDependencies<U>, tokens: Readonly<Record<string, FakeToken<U>>>) {
    super(dependencies);
    Object.entries(tokens).forEach(([name, token], index) => {
      this.#answers.set(
        name,
        types.isNativeError(token) ? token : fakeClaims(token, index + 1, dependencies.settings),
      );
      if (isPerson(token)) this.#users.set(name, token.user);
    });
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the hook is asynchronous
  protected override async introspect(token: AccessToken): Promise<Claims> {
    const answer = this.#answers.get(token.reveal()) ?? INACTIVE;
    if (types.isNativeError(answer)) throw answer;
    return answer;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the hook is asynchronous
  protected override async getUser(_claims: Claims, token: AccessToken): Promise<U | undefined> {
    return this.#users.get(token.reveal());
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the hook is asynchronous
  protected override async createUser(): Promise<undefined> {
    return undefined;
  }
}

function isPerson<U>(token: FakeToken<U>): token is FakePersonToken<U> {
  return !types.isNativeError(token) && 'user' in token;
}
