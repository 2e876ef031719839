import {
  type AccessToken,
  type Claims,
  InvalidTokenError,
  type ResourceRequest,
  type SenderConstraint,
} from 'oidc-resource-server';
import { senderConstraintContract } from 'oidc-resource-server/testing';
import { describe, expect, it } from 'vitest';
import { outcomeOf, recordingRunner } from './recording-runner.ts';
import { type Proof, proofIn, refuse, ToyConstraint, thumbprintOf, underTest } from './toy-constraint.ts';

describe('a right constraint', () => {
  senderConstraintContract({ describe, it }, () => underTest(new ToyConstraint()));
});

describe('a right constraint, with a scheme and a challenge', () => {
  senderConstraintContract({ describe, it }, () =>
    underTest(
      Object.assign(new ToyConstraint(), { scheme: 'DPoP' as const, challenge: () => 'DPoP algs="ES256"' }),
    ),
  );
});

type Verify = SenderConstraint['verify'];

/** The right constraint, with another `verify` that may call the right one. */
function verifying(change: (right: Verify) => Verify): () => SenderConstraint {
  return () => {
    const right = new ToyConstraint();
    const rightVerify: Verify = (...args) => right.verify(...args);
    return { confirmation: right.confirmation, verify: change(rightVerify) };
  };
}

class Remembering extends ToyConstraint {
  readonly #seen = new Set<string>();
  override async verify(request: ResourceRequest, token: AccessToken, claims: Claims): Promise<void> {
    if (this.#seen.has(token.reveal())) return;
    await super.verify(request, token, claims);
    this.#seen.add(token.reveal());
  }
}

/** Keeps the proof of the request at hand on itself, and awaits in between. */
class Racing extends ToyConstraint {
  #proof: Proof | undefined;
  override async verify(request: ResourceRequest, token: AccessToken, claims: Claims): Promise<void> {
    this.#proof = proofIn(request);
    await Promise.resolve();
    const proof = this.#proof ?? refuse();
    if (!this.isFor(proof, token) || this.confirmationOf(claims) !== thumbprintOf(proof.key)) refuse();
  }
}

/** Never lets a token in again that was refused once. */
class Resentful extends ToyConstraint {
  readonly #refused = new Set<string>();
  override async verify(request: ResourceRequest, token: AccessToken, claims: Claims): Promise<void> {
    if (this.#refused.has(token.reveal())) refuse();
    await super.verify(request, token, claims).catch((error: unknown) => {
      this.#refused.add(token.reveal());
      throw error;
    });
  }
}

class OnlyOnce extends ToyConstraint {
  readonly #used = new Set<string>();
  override async verify(request: ResourceRequest, token: AccessToken, claims: Claims): Promise<void> {
    await super.verify(request, token, claims);
    if (this.#used.has(token.reveal())) refuse();
    this.#used.add(token.reveal());
  }
}

const matching = (matches: ToyConstraint['matches']) => () => Object.assign(new ToyConstraint(), { matches });
const asText = (value: unknown): string => [value].join();

/** Broken constraints, and which tests find them: these fail, and no others. */
const BROKEN: Record<string, [make: () => SenderConstraint, found: RegExp]> = {
  'has an empty name': [() => Object.assign(new ToyConstraint(), { confirmation: '' }), /> confirmation is/],
  'has a name that is no name': [
    () => Object.assign(new ToyConstraint(), { confirmation: 'to y' }),
    /> confirmation is/,
  ],
  'has another scheme': [
    () => Object.assign(new ToyConstraint(), { scheme: 'MAC' as 'DPoP' }),
    /> scheme, if/,
  ],
  'has an empty challenge': [
    () => Object.assign(new ToyConstraint(), { challenge: () => '' }),
    /> challenge\(\)/,
  ],
  'has a challenge of two lines': [
    () => Object.assign(new ToyConstraint(), { challenge: () => 'DPoP\r\nX: y' }),
    /> challenge\(\)/,
  ],
  'has a challenge with other letters': [
    () => Object.assign(new ToyConstraint(), { challenge: () => 'DPoP realm="é"' }),
    /> challenge\(\)/,
  ],
  'lets nobody in': [
    verifying(() => () => Promise.reject(new InvalidTokenError('possession', 'no'))),
    /the sender who proves|stay as they are|other requests/,
  ],
  'lets those in who prove nothing': [
    verifying((right) => async (request, token, claims) => {
      if (proofIn(request) !== undefined) await right(request, token, claims);
    }),
    /without a proof|cnf (is|has)(?! the value)|stay as they are|bad|of several senders/,
  ],
  'takes any key': [
    matching((value) => typeof value === 'string' && value.length === 43),
    /another key|in other letters|bad one in|bad keep|of several senders/,
  ],
  'takes a proof for any token': [
    () => Object.assign(new ToyConstraint(), { isFor: () => true }),
    /another token/,
  ],
  'compares the beginning alone': [
    matching(
      (value, thumbprint) => typeof value === 'string' && value !== '' && thumbprint.startsWith(value),
    ),
    /cut short/,
  ],
  'compares the beginning alone, the empty one too': [
    matching((value, thumbprint) => typeof value === 'string' && thumbprint.startsWith(value)),
    /cut short|empty text/,
  ],
  'takes more than the value': [
    matching((value, thumbprint) => typeof value === 'string' && value.startsWith(thumbprint)),
    /more at its end|blank at its end|padded/,
  ],
  trims: [
    matching((value, thumbprint) => typeof value === 'string' && value.trim() === thumbprint),
    /blank at its end/,
  ],
  'compares bytes and not text': [
    matching(
      (value, thumbprint) =>
        typeof value === 'string' &&
        Buffer.from(value, 'base64url').equals(Buffer.from(thumbprint, 'base64url')),
    ),
    /blank at its end|padded/,
  ],
  'folds case': [
    matching(
      (value, thumbprint) => typeof value === 'string' && value.toLowerCase() === thumbprint.toLowerCase(),
    ),
    /in other letters/,
  ],
  'makes text of the value': [
    matching((value, thumbprint) => asText(value) === thumbprint),
    /an array with it|an object/,
  ],
  'searches the value': [
    matching((value, thumbprint) =>
      Array.isArray(value) ? value.includes(thumbprint) : value === thumbprint,
    ),
    /an array with it/,
  ],
  'takes the first key where there is none': [
    matching((value, thumbprint) => value === undefined || value === thumbprint),
    /cnf (is|has)(?! the value)/,
  ],
  'takes null for none': [
    matching((value, thumbprint) => value === null || value === thumbprint),
    /the value null/,
  ],
  'takes a number': [
    matching((value, thumbprint) => typeof value === 'number' || value === thumbprint),
    /a number$/,
  ],
  'takes true': [matching((value, thumbprint) => value === true || value === thumbprint), /value true/],
  'fails on what is no text': [
    matching((value, thumbprint) => (value as string).startsWith(thumbprint) && value === thumbprint),
    /a number$|true|null|array|object|cnf (is|has)(?! the value)/,
  ],
  'takes an empty array': [
    matching((value, thumbprint) =>
      Array.isArray(value) ? value.every((v) => v === 'x') : value === thumbprint,
    ),
    /an empty array/,
  ],
  'rejects with an error of its own': [
    verifying(
      (right) =>
        (...args) =>
          right(...args).catch(() => Promise.reject(new Error('no'))),
    ),
    /nobody|stay as they are|bad|of several senders/,
  ],
  'resolves with false': [
    verifying(
      (right) =>
        (...args) =>
          right(...args).catch(() => false) as Promise<void>,
    ),
    /nobody|stay as they are|bad|of several senders/,
  ],
  'tells the token': [
    verifying(
      (right) => (request, token, claims) =>
        right(request, token, claims).catch(() => refuse(`no proof for ${token.reveal()}`)),
    ),
    /nobody|stay as they are|bad|of several senders/,
  ],
  'tells the proof': [
    verifying(
      (right) => (request, token, claims) =>
        right(request, token, claims).catch(() =>
          refuse(`bad proof ${proofIn(request)?.signature.toString('base64url') ?? ''}`),
        ),
    ),
    /nobody with|nobody where|bad|of several senders/,
  ],
  'tells a claim': [
    verifying(
      (right) => (request, token, claims) =>
        right(request, token, claims).catch(() => refuse(`not for ${asText(claims.sub)}`)),
    ),
    /nobody|stay as they are|bad|of several senders/,
  ],
  'tells in the cause': [
    verifying(
      (right) => (request, token, claims) =>
        right(request, token, claims).catch((error: unknown) => {
          throw Object.assign(error as Error, { cause: new Error(request.rawHeaders.join()) });
        }),
    ),
    /nobody|stay as they are|bad|of several senders/,
  ],
  'writes into the claims': [
    verifying((right) => async (request, token, claims) => {
      await right(request, token, claims);
      if (!Object.isFrozen(claims)) Object.assign(claims, { proven: true });
    }),
    /stay as they are/,
  ],
  'writes into the claims of those whom it refuses': [
    verifying(
      (right) => (request, token, claims) =>
        right(request, token, claims).catch((error: unknown) => {
          if (!Object.isFrozen(claims)) Object.assign(claims, { active: false });
          throw error;
        }),
    ),
    /stay as they are/,
  ],
  'remembers whom it let in': [
    () => new Remembering(),
    /good let no bad|of several senders|stay as they are/,
  ],
  'keeps the request on itself': [() => new Racing(), /of the same sender|of several senders/],
  'never forgives': [() => new Resentful(), /bad keep no good|of several senders/],
  'takes a token only once': [
    () => new OnlyOnce(),
    /of the same sender|good let no bad|bad keep|of several senders/,
  ],
};

describe('a constraint that', () => {
  it.each(Object.entries(BROKEN))('%s is found out, there and nowhere else', async (_, [make, found]) => {
    const { runner, tests } = recordingRunner();
    senderConstraintContract(runner, () => underTest(make()));
    const { failed } = await outcomeOf(tests);
    expect(failed).not.toEqual([]);
    expect(failed.filter((name) => !found.test(name))).toEqual([]);
  });
});

describe('the suite', () => {
  it('leaves out that a proof is for one token where it is for all', async () => {
    const anyToken = Object.assign(new ToyConstraint(), { isFor: () => true });
    const { runner, tests } = recordingRunner();
    senderConstraintContract(runner, () => ({ ...underTest(anyToken), provesAnyToken: true }));
    expect((await outcomeOf(tests)).failed).toEqual([]);
  });

  it('closes what the factory made, after each test and whatever came of it', async () => {
    let open = 0;
    const { runner, tests } = recordingRunner();
    senderConstraintContract(runner, () => {
      open += 1;
      const close = (): Promise<void> => Promise.resolve(void (open -= 1));
      return { ...underTest(Object.assign(new ToyConstraint(), { isFor: () => false })), close };
    });
    expect((await outcomeOf(tests)).failed).not.toEqual([]);
    expect(open).toBe(0);
  });
});
