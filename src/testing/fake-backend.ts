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

  protected override introspect(token: AccessToken): Promise<Claims> {
    const answer = this.#answers.get(token.reveal()) ?? INACTIVE;
    return types.isNativeError(answer) ? Promise.reject(answer) : Promise.resolve(answer);
  }

  protected override getUser(_claims: Claims, token: AccessToken): Promise<U | undefined> {
    return Promise.resolve(this.#users.get(token.reveal()));
  }

  protected override createUser(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
}

function isPerson<U>(token: FakeToken<U>): token is FakePersonToken<U> {
  return !types.isNativeError(token) && 'user' in token;
}
