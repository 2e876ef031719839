import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { ClaimsUser, ResourceServer } from 'oidc-resource-server';
import * as fastify from 'oidc-resource-server/fastify';
import * as node from 'oidc-resource-server/node';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { tokenTableAtOnce, tokenTableResourceServer } from '../support/token-table.ts';

let atOnce: ResourceServer<ClaimsUser>;
let later: ResourceServer<ClaimsUser>;
beforeAll(async () => {
  [atOnce, later] = await Promise.all([tokenTableAtOnce(), tokenTableResourceServer()]);
});

function request(token: string): IncomingMessage {
  const message = new IncomingMessage(new Socket());
  message.rawHeaders = ['Authorization', `Bearer ${token}`];
  return message;
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a guard of node:http', () => {
  it('lets in, and refuses, within the turn in which the request came', () => {
    const guard = node.authenticate(atOnce);
    const good = request('alice-token');
    const next = vi.fn();
    guard(good, new ServerResponse(good), next);
    expect(next).toHaveBeenCalledOnce();
    expect(guard.of(good).user.subject).toBe('alice');

    const bad = request('nobody');
    const response = new ServerResponse(bad);
    guard(bad, response, next);
    expect(response.statusCode).toBe(401);
    expect(next).toHaveBeenCalledOnce();
  });

  it('waits for what has to be waited for', async () => {
    const good = request('alice-token');
    const next = vi.fn();
    node.authenticate(later)(good, new ServerResponse(good), next);
    expect(next).not.toHaveBeenCalled();
    await settled();
    expect(next).toHaveBeenCalledOnce();
  });

  it('asks a wrapper by its own authenticate, not what it wraps (R11)', async () => {
    const refuse = vi.fn(() => Promise.reject(new Error('the wrapper says no')));
    const wrapper: ResourceServer<ClaimsUser> = { ...atOnce, authenticate: refuse };
    const good = request('alice-token');
    const next = vi.fn();
    node.authenticate(wrapper)(good, new ServerResponse(good), next);
    await settled();
    expect(refuse).toHaveBeenCalledOnce();
    expect(next).not.toHaveBeenCalled();
  });
});

describe('a guard of Fastify', () => {
  const reply = () => ({
    statusCode: 200,
    send: vi.fn(),
    header: vi.fn(),
    getHeader: vi.fn(),
    hasHeader: vi.fn(() => false),
    removeHeader: vi.fn(),
  });
  const of = (token: string) => ({ raw: request(token) });

  it('calls done within the turn in which the request came', () => {
    const done = vi.fn();
    expect(fastify.authenticate(atOnce)(of('alice-token'), reply(), done)).toBeUndefined();
    expect(done).toHaveBeenCalledExactlyOnceWith();
  });

  it.each(['alice-token', 'nobody'])('never calls done and returns a promise as well (%s)', async (token) => {
    const done = vi.fn();
    const promises = [
      fastify.authenticate(later)(of(token), reply(), done),
      fastify.authenticate(later)(of(token), reply()),
      fastify.authenticate(atOnce)(of(token), reply()),
    ] as Promise<unknown>[];
    expect(promises.every((promise) => promise instanceof Promise)).toBe(true);
    const outcomes = await Promise.allSettled(promises);
    const status = token === 'nobody' ? 'rejected' : 'fulfilled';
    expect(outcomes.map((outcome) => outcome.status)).toEqual([status, status, status]);
    expect(done).not.toHaveBeenCalled();
  });

  it('does not take what the handler throws for a refusal', () => {
    const guard = fastify.authenticate(atOnce);
    const answer = reply();
    const handler = (): void => {
      throw new Error('the handler');
    };
    expect(() => guard(of('alice-token'), answer, handler)).toThrow('the handler');
    expect(answer.statusCode).toBe(200);
  });
});
