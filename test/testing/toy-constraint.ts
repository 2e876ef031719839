import { createHash, createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';
import {
  type AccessToken,
  type Claims,
  InvalidTokenError,
  type ResourceRequest,
  type SenderConstraint,
} from 'oidc-resource-server';
import type { SenderConstraintUnderTest, TestSender } from 'oidc-resource-server/testing';

/** A proof: the public key, a nonce, and a signature over the nonce and the token. */
export interface Proof {
  readonly key: Buffer;
  readonly nonce: string;
  readonly signature: Buffer;
}

export function thumbprintOf(key: Buffer): string {
  return createHash('sha256').update(key).digest('base64url');
}

export function proofIn(request: ResourceRequest): Proof | undefined {
  const index = request.rawHeaders.indexOf('X-Proof');
  const [key, nonce = '', signature] = (index < 0 ? '' : (request.rawHeaders[index + 1] ?? '')).split('.');
  if (!key || !signature) return undefined;
  return { key: Buffer.from(key, 'base64url'), nonce, signature: Buffer.from(signature, 'base64url') };
}

export function isSignedFor(proof: Proof, token: string): boolean {
  const key = createPublicKey({ key: proof.key, format: 'der', type: 'spki' });
  return verify(null, Buffer.from(proof.nonce + token), key, proof.signature);
}

export function refuse(message = 'It is not shown that the sender holds the key.'): never {
  throw new InvalidTokenError('possession', message);
}

/** A constraint for the tests of its contract: right, and small enough to be broken in every way. */
export class ToyConstraint implements SenderConstraint {
  readonly confirmation: string = 'toy';

  // eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous
  async verify(request: ResourceRequest, token: AccessToken, claims: Claims): Promise<void> {
    const proof = this.proofOf(request) ?? refuse();
    if (!this.isFor(proof, token)) refuse();
    if (!this.matches(this.confirmationOf(claims), thumbprintOf(proof.key))) refuse();
  }

  proofOf(request: ResourceRequest): Proof | undefined {
    return proofIn(request);
  }

  isFor(proof: Proof, token: AccessToken): boolean {
    return isSignedFor(proof, token.reveal());
  }

  confirmationOf(claims: Claims): unknown {
    const { cnf } = claims;
    return typeof cnf === 'object' && cnf !== null
      ? (cnf as Record<string, unknown>)[this.confirmation]
      : undefined;
  }

  matches(confirmation: unknown, thumbprint: string): boolean {
    return confirmation === thumbprint;
  }
}

/** The constraint with senders who can prove what it asks for. */
export function underTest(constraint: SenderConstraint): SenderConstraintUnderTest {
  return {
    constraint,
    newSender: () => Promise.resolve(newSender()),
    requestWithoutProof: (token) => requestWith(token),
  };
}

function newSender(): TestSender {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = publicKey.export({ type: 'spki', format: 'der' });
  return {
    confirmation: thumbprintOf(key),
    request: (token) => {
      const nonce = randomBytes(12).toString('base64url');
      const signature = sign(null, Buffer.from(nonce + token.reveal()), privateKey);
      const proof = [key.toString('base64url'), nonce, signature.toString('base64url')].join('.');
      return Promise.resolve(requestWith(token, 'X-Proof', proof));
    },
  };
}

function requestWith(token: AccessToken, ...headers: string[]): ResourceRequest {
  return {
    method: 'GET',
    url: '/',
    rawHeaders: ['Authorization', `${token.scheme} ${token.reveal()}`, ...headers],
  };
}
