import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { type Claims, freezeClaims } from '../claims.ts';
import type { SenderConstraint } from '../constraint/sender-constraint.ts';
import { isResourceServerError } from '../errors.ts';
import { AccessToken } from '../secret.ts';
import type { ResourceRequest } from '../types.ts';

/** A sender with a key of its own. */
export interface TestSender {
  /** What `cnf` says of the key: the value of the member that the constraint checks. */
  readonly confirmation: string;
  /** A request with this token and a fresh proof that the sender holds the key. */
  request(token: AccessToken): Promise<ResourceRequest>;
}

/** A constraint, and those whom it lets in. */
export interface SenderConstraintUnderTest {
  readonly constraint: SenderConstraint;
  /** Makes a sender with a fresh key. */
  readonly newSender: () => Promise<TestSender>;
  /** The same request as a sender's, without any proof. */
  readonly requestWithoutProof: (token: AccessToken) => ResourceRequest;
  /** The proof is not tied to one token, as with mutual TLS; then it is good for every token of its key. */
  readonly provesAnyToken?: boolean;
  /** Called after each test. */
  readonly close?: () => Promise<void>;
}

/** Makes a constraint; called for each test. */
export type SenderConstraintFactory = () => SenderConstraintUnderTest | Promise<SenderConstraintUnderTest>;

/** Describes one test, with a constraint of its own. */
export type Test = (name: string, body: (tested: SenderConstraintUnderTest) => Promise<void>) => void;

/** One attempt to come in with a token. */
export interface Attempt {
  readonly constraint: SenderConstraint;
  readonly request: ResourceRequest;
  readonly token: AccessToken;
  readonly claims: Claims;
}

let made = 0;

/** A token that no other test has, under the scheme of the constraint. */
export function newToken({ scheme }: SenderConstraint): AccessToken {
  made += 1;
  return new AccessToken(`the-access-token-of-test-${String(made).padStart(6, '0')}`, scheme ?? 'Bearer');
}

/** The claims of a token, as the flow hands them to a constraint: frozen, and without prototypes. */
export function claimsWith(constraint: SenderConstraint, confirmation: unknown): Claims {
  return claimsWithCnf({ [constraint.confirmation]: confirmation });
}

export function claimsWithCnf(cnf: unknown): Claims {
  return freezeClaims({
    active: true,
    sub: 'the-subject-of-the-test',
    client_id: 'the-client-of-the-test',
    cnf,
  });
}

export async function verify({ constraint, request, token, claims }: Attempt): Promise<void> {
  await constraint.verify(request, token, claims);
}

/** Asserts that the attempt is refused as this package refuses, and that the error tells nothing of it. */
export async function assertRefused(attempt: Attempt): Promise<void> {
  const error: unknown = await verify(attempt).then(
    () => assert.fail('The request was let in.'),
    (reason: unknown) => reason,
  );
  assert.ok(isResourceServerError(error), 'It rejects with something else than an error of this package.');
  const { status, reason } = error as { status?: unknown; reason?: unknown };
  assert.ok(
    status === 400 || status === 401,
    'It rejects with something else than a ChallengeError for 400 or 401.',
  );
  assert.equal(typeof reason, 'string');
  const told = [inspect(error, { depth: 10, showHidden: true }), error.stack, JSON.stringify(error)].join(
    '\n',
  );
  for (const secret of secretsOf(attempt)) {
    assert.ok(!told.includes(secret), 'The error tells the token, a claim, or what the request brought.');
  }
}

/** What must not be in an error: the token, the values of claims, and all that the request brought in headers. */
function secretsOf({ request, token, claims }: Attempt): string[] {
  const headers = request.rawHeaders.filter((_value, index) => index % 2 === 1);
  const values = [...headers, ...headers.flatMap((value) => value.split(/[\s.,;:="]+/)), ...textsOf(claims)];
  return [token.reveal(), ...values.filter((value) => value.length >= 16)];
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
}
