// Errors: told apart by their code, and thrown from a hook.
import type { AddressInfo } from 'node:net';
import express from 'express';
import {
  type Claims,
  createResourceServer,
  InsufficientScopeError,
  IntrospectionResourceServerBackend,
  InvalidTokenError,
  isResourceServerError,
  type Requirements,
  type ResourceServer,
  UserStoreError,
} from 'oidc-resource-server';
import { authenticate, resourceServerRouter } from 'oidc-resource-server/express';

interface Employee {
  readonly name: string;
  readonly hasLeft: boolean;
}

/** Stands for a call to another API. */
function askDirectory(subject: string): Promise<Employee | undefined> {
  if (subject === 'trouble') return Promise.reject(new Error('The directory is down.'));
  const employees: Record<string, Employee> = {
    alice: { name: 'Alice', hasLeft: false },
    zoe: { name: 'Zoe', hasLeft: true },
  };
  return Promise.resolve(employees[subject]);
}

// #region hooks
class DirectoryBackend extends IntrospectionResourceServerBackend<Employee> {
  override async verifyClaims(claims: Claims, requirements: Requirements): Promise<void> {
    await super.verifyClaims(claims, requirements);
    // Somebody from outside needs a scope more. The answer is 403 and names the scope.
    const scopes = typeof claims.scope === 'string' ? claims.scope.split(' ') : [];
    if (claims.external === true && !scopes.includes('external')) {
      throw new InsufficientScopeError(['external', ...(requirements.scopes ?? [])]);
    }
  }

  override async getOrCreateUser(claims: Claims): Promise<Employee | undefined> {
    let employee: Employee | undefined;
    try {
      employee = await askDirectory(claims.sub as string);
    } catch (cause) {
      // Nobody's fault who makes a request: 503.
      throw new UserStoreError('The directory of employees gives no answer.', { cause });
    }
    // The token's fault: 401. The reason and the message go to the log only.
    if (employee?.hasLeft) throw new InvalidTokenError('disabled_user', 'This person has left.');
    return employee; // `undefined` is 401 as well, with the reason `unknown_user`
  }
}
// #endregion hooks

// #region start
async function start(): Promise<ResourceServer<Employee>> {
  try {
    return await createResourceServer({ backend: DirectoryBackend });
  } catch (error) {
    if (!isResourceServerError(error) || error.code !== 'ERR_CONFIGURATION') throw error;
    console.error(error.message); // every problem on a line of its own
    process.exit(1);
  }
}
// #endregion start

export const resourceServer = await start();

// #region by-hand
/** Whether a message from a queue may be worked on. It throws when that cannot be told now: leave the message there. */
export async function mayProcess(message: { readonly token: string }): Promise<boolean> {
  try {
    await resourceServer.authenticate({
      method: 'POST',
      url: '/',
      rawHeaders: ['Authorization', `Bearer ${message.token}`],
    });
    return true;
  } catch (error) {
    switch (isResourceServerError(error) ? error.code : undefined) {
      case 'ERR_INVALID_REQUEST':
      case 'ERR_INVALID_TOKEN':
      case 'ERR_INSUFFICIENT_SCOPE':
        return false;
      default:
        throw error;
    }
  }
}
// #endregion by-hand

const app = express();
app.use(resourceServerRouter(resourceServer));

const member = authenticate(resourceServer, { scopes: ['groups'] });
app.get('/me', member, (request, response) => {
  response.json(member.of(request).user);
});

export const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
