import { Authenticator } from '../../src/authentication/authenticator.ts';
import {
  type BackendDependencies,
  ResourceServerBackend,
} from '../../src/backend/resource-server-backend.ts';
import type { Claims } from '../../src/claims.ts';
import type { SenderConstraint } from '../../src/constraint/sender-constraint.ts';
import type { AccessToken } from '../../src/secret.ts';
import { loadSettings, type Settings, type SettingsInput } from '../../src/settings.ts';
import type { Authentication, Logger, Requirements, ResourceRequest } from '../../src/types.ts';
import { ClaimsUserStore } from '../../src/user/claims-user-store.ts';
import type { UserStore } from '../../src/user/user-store.ts';
import { RecordingLogger } from './recording-logger.ts';

export const ISSUER = 'https://auth.example.com';

/** What the authorization server says about the token of a person whom nothing keeps out. */
export const CLAIMS: Claims = Object.freeze({
  active: true,
  iss: ISSUER,
  sub: 'alice',
  client_id: 'web-app',
  scope: 'openid groups',
  token_type: 'Bearer',
});

/** {@link CLAIMS} with others on top. A claim that is `undefined` is left out. */
export function claimsWith(claims: Claims): Claims {
  const all = { ...CLAIMS, ...claims };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

export function settingsWith(settings: SettingsInput = {}): Settings {
  return loadSettings({ env: {}, settings: { OIDC_OP_URL: ISSUER, ...settings } });
}

/** The bag that a backend is built from. There is no authorization server in it. */
export function dependenciesWith<U>(
  dependencies: Partial<BackendDependencies<U>> & Pick<BackendDependencies<U>, 'userStore'>,
): BackendDependencies<U> {
  const none = undefined as never;
  const settings = dependencies.settings ?? settingsWith();
  const logger = dependencies.logger ?? new RecordingLogger();
  const parts = { http: none, metadata: none, signingKeys: none, privateKeys: none };
  return { ...parts, ...dependencies, settings, logger };
}

export type GetClaims = (token: AccessToken) => Claims | Promise<Claims>;

/** A backend that resolves given claims, decides and finds users as the base does, and records its steps. */
export class FakeBackend<U> extends ResourceServerBackend<U> {
  readonly steps: string[] = [];
  readonly #getClaims: GetClaims;

  constructor(dependencies: BackendDependencies<U>, getClaims: GetClaims = () => CLAIMS) {
    super(dependencies);
    this.#getClaims = getClaims;
  }

  override async getClaims(token: AccessToken): Promise<Claims> {
    this.steps.push('getClaims');
    return this.#getClaims(token);
  }

  override verifyClaims(claims: Claims, requirements: Requirements): void | Promise<void> {
    this.steps.push('verifyClaims');
    return super.verifyClaims(claims, requirements);
  }

  override async getOrCreateUser(claims: Claims, token: AccessToken): Promise<U | undefined> {
    this.steps.push('getOrCreateUser');
    return super.getOrCreateUser(claims, token);
  }
}

/** A request with `Authorization: Bearer` and a token, or without the header where there is no token. */
export function requestWith(token?: string, scheme = 'Bearer'): ResourceRequest {
  const rawHeaders = token === undefined ? [] : ['Authorization', `${scheme} ${token}`];
  return { method: 'GET', url: '/me', rawHeaders };
}

export interface FakeFlowOptions {
  /** What the token's claims are, or how to get them. Default: {@link CLAIMS}. */
  readonly claims?: Claims | GetClaims;
  readonly settings?: SettingsInput;
  readonly constraints?: readonly SenderConstraint[];
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what the users are does not matter to the flow
  readonly userStore?: UserStore<any>;
  readonly logger?: Logger;
  /** Changes the backend: a hook of it becomes another function. */
  readonly hooks?: Partial<Pick<FakeBackend<unknown>, 'getClaims' | 'verifyClaims' | 'getOrCreateUser'>>;
}

/** The whole flow around a {@link FakeBackend}. */
export interface FakeFlow {
  readonly backend: FakeBackend<unknown>;
  readonly logger: RecordingLogger;
  /** Default: a request with the token `good`. */
  authenticate(
    request?: ResourceRequest,
    requirements?: Requirements,
  ): Promise<Authentication<unknown> | undefined>;
}

export function fakeFlow(options: FakeFlowOptions = {}): FakeFlow {
  const { claims = CLAIMS, constraints = [], hooks = {} } = options;
  const userStore = (options.userStore ?? new ClaimsUserStore()) as UserStore<unknown>;
  const settings = settingsWith(options.settings);
  const recorder = new RecordingLogger();
  const logger = options.logger ?? recorder;
  const backend = new FakeBackend<unknown>(
    dependenciesWith({ settings, userStore, logger }),
    typeof claims === 'function' ? claims : () => claims,
  );
  Object.assign(backend, hooks);
  const authenticator = new Authenticator({ settings, backend, constraints, userStore, logger });
  return {
    backend,
    logger: recorder,
    authenticate: async (request = requestWith('good'), requirements) =>
      authenticator.authenticate(request, requirements),
  };
}
