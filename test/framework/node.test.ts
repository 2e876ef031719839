import { createServer, IncomingMessage } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import type { ClaimsUser, ResourceServer } from 'oidc-resource-server';
import { authenticate } from 'oidc-resource-server/node';
import { describe, expect, it } from 'vitest';
import { tokenTableAtOnce, tokenTableResourceServer } from '../support/token-table.ts';
import { frameworkContract } from './framework-contract.ts';
import { startNode } from './node-contract.ts';

describe('node:http', () => {
  frameworkContract({ describe, it }, startNode);

  describe('with a token and a user that are known at once', () => {
    frameworkContract({ describe, it }, startNode, { resourceServer: tokenTableAtOnce });
  });

  it('of() refuses a request that this very guard has not let in', async () => {
    const resourceServer = await tokenTableResourceServer();
    const guard = authenticate(resourceServer);
    expect(() => guard.of(new IncomingMessage(new Socket()))).toThrow(TypeError);
  });

  it('writes nothing when the caller hung up (X2)', async () => {
    const resourceServer = await tokenTableResourceServer();
    let release!: () => void;
    const held = new Promise<void>((resolve) => (release = resolve));
    const slow = { ...resourceServer, authenticate: () => held.then(() => undefined) } as never;
    let went = false;
    const guard = authenticate(slow as ResourceServer<ClaimsUser>);
    const server = createServer((request, response) => {
      guard(request, response, () => {
        went = true;
        response.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const controller = new AbortController();
    const { port } = server.address() as AddressInfo;
    const answer = fetch(`http://127.0.0.1:${String(port)}/`, { signal: controller.signal });
    await new Promise((resolve) => server.once('request', resolve));
    controller.abort();
    await expect(answer).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 50));
    release();
    await held;
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(went).toBe(false);
    await new Promise((resolve) => server.close(resolve));
  });
});
