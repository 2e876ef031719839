import type { KeyvLike } from './keyv-store.ts';

/** A Redis or Valkey that is asked through Keyv. */
export interface RedisStore {
  readonly keyv: KeyvLike;
  /** Whether it can be asked now. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 2000;
const FIRST_CONNECTION_MS = 500;
const MAX_RECONNECT_MS = 2000;

/**
 * Opens a Redis or Valkey. One that is down is connected to in the background, again and again; nothing waits for it, and
 * nothing is queued for it.
 *
 * @param url `redis://` or `rediss://`, with user name and password if it wants any
 * @throws Error when the packages `keyv` and `@keyv/redis` are missing
 */
export async function openRedis(url: string): Promise<RedisStore> {
  const [{ Keyv }, { default: KeyvRedis, createClient }] = await loadPeers();
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectStrategy: (attempts: number) => Math.min(50 * 2 ** Math.min(attempts, 10), MAX_RECONNECT_MS),
    },
  });
  // Without a listener it would end the process. What fails is seen by those who ask.
  client.on('error', () => undefined);
  const connected = client.connect().catch(() => undefined);
  await Promise.race([connected, new Promise((resolve) => setTimeout(resolve, FIRST_CONNECTION_MS).unref())]);
  const store = new KeyvRedis(client, { throwOnConnectError: true, throwOnErrors: true });
  store.on('error', () => undefined);
  const keyv = new Keyv(store, { useKeyPrefix: false, throwOnErrors: true, emitErrors: false });
  return {
    keyv,
    ping: async () => {
      await client.ping();
    },
    close: () => {
      client.destroy();
      return Promise.resolve();
    },
  };
}

async function loadPeers() {
  try {
    return await Promise.all([import('keyv'), import('@keyv/redis')]);
  } catch {
    throw new Error(
      'OIDC_RS_CACHE_URL needs the packages "keyv" and "@keyv/redis": npm install keyv @keyv/redis',
    );
  }
}
