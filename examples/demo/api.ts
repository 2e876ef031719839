import { generateKeyPairSync } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createResourceServer, type Logger, type SettingsInput } from 'oidc-resource-server';
import { authenticate, resourceServerRouter } from 'oidc-resource-server/express';
import type { KyselyUserStore } from 'oidc-resource-server/kysely';

/** The keys for encrypted answers, made for this run: the private one as a setting, the public one to be registered. */
export function newKeys(): { privateKey: string; publicKeys: { keys: object[] } } {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKeys: { keys: [{ ...publicKey.export({ format: 'jwk' }), use: 'enc', alg: 'RSA-OAEP' }] },
  };
}

/** Remembers the last thing that the resource server said, to show it in the table. */
export class LastWord implements Logger {
  message = '';
  debug = (): void => undefined;
  info = (fields: object, message: string): void => {
    this.#keep(fields, message);
  };
  warn = this.info;
  error = this.info;

  #keep(fields: object, message: string): void {
    if ('event' in fields && /rejected|refused|unavailable|created/.test(String(fields.event)))
      this.message = message;
  }
}

/** The API of the demonstration: `GET /me`, for people with the scope `groups` who are users. */
export interface Api {
  readonly url: string;
  readonly lastWord: LastWord;
  close(): Promise<void>;
}

/** Starts an Express API that lets in whom the settings say, out of these users. */
export async function startApi(settings: SettingsInput, userStore: KyselyUserStore): Promise<Api> {
  const lastWord = new LastWord();
  const resourceServer = await createResourceServer({
    env: {},
    settings: { ...settings, OIDC_RS_SCOPES: ['groups'], OIDC_RS_ALLOWED_AUDIENCES: ['spa'] },
    userStore,
    logger: lastWord,
  });

  const app = express();
  app.use(resourceServerRouter(resourceServer));
  const member = authenticate(resourceServer);
  app.get('/me', member, (request, response) => {
    const { user, audience } = member.of(request);
    response.json({ name: user.full_name, id: user.id, via: audience });
  });

  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    lastWord,
    close: async () => {
      await new Promise((resolve) => server.close(resolve));
      await resourceServer.close();
    },
  };
}
