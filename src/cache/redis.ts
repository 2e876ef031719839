import { ConfigurationError } from '../errors.ts';
import type { KeyvLike } from './keyv-like.ts';

/** How {@link openRedis} connects. */
export interface OpenRedisOptions {
  /** How long connecting may take, and how long a connection may be silent, in milliseconds. Default: 3000. */
  readonly timeoutMs?: number;
}

/** A Redis or Valkey that was opened. */
export interface OpenedRedis {
  readonly keyv: KeyvLike;
  /** Rejects while the server cannot be asked. */
  readonly ping: () => Promise<void>;
  /** Closes the connection at once. */
  readonly close: () => Promise<void>;
}

const CONNECTED_WITHIN_MS = 250;
const WATCH_EVERY_MS = 1000;
const LONGEST_BACKOFF_MS = 1000;

/**
 * Opens a Redis or Valkey by its URL, for a `KeyvClaimsCache`. It needs the packages `keyv` and `@keyv/redis`.
 *
 * It waits a quarter of a second for the connection, and goes on connecting in the background, for ever. While there is none,
 * every call rejects at once. It never logs, and no error of the connection gets out as an event.
 *
 * @throws ConfigurationError when the packages are not installed, or the URL is none of Redis
 */
export async function openRedis(
  url: string,
  { timeoutMs = 3000 }: OpenRedisOptions = {},
): Promise<OpenedRedis> {
  const [{ Keyv }, { default: KeyvRedis, createClient }] = await packages();
  const client = (() => {
    try {
      return createClient({
        url,
        disableOfflineQueue: true,
        disableClientInfo: true,
        commandsQueueMaxLength: 10_000,
        socket: {
          connectTimeout: timeoutMs,
          socketTimeout: timeoutMs,
          reconnectStrategy: (attempts) =>
            Math.min(LONGEST_BACKOFF_MS, 50 * 2 ** attempts) * (0.75 + Math.random() / 4),
        },
      });
    } catch {
      // Without what was thrown: it quotes the URL, password and all.
      throw new ConfigurationError([
        'OIDC_RS_CACHE_URL is not the URL of a Redis. Example: redis://127.0.0.1:6379',
      ]);
    }
  })();
  client.on('error', () => undefined);
  // A connection alone must not keep a process running.
  client.unref();
  const connect = (): void => void client.connect().catch(() => undefined);
  const connected = new Promise<void>((resolve) => {
    client.once('ready', resolve).once('error', () => {
      resolve();
    });
    setTimeout(resolve, CONNECTED_WITHIN_MS);
  });
  connect();
  const store = new KeyvRedis(client, { throwOnErrors: true, throwOnConnectError: true });
  const keyv = new Keyv(store, {
    // None: the names of the keys say whose they are.
    namespace: '',
    useKeyPrefix: false,
    throwOnErrors: true,
    // Values are text already, and Redis itself removes them when their time is over.
    serialize: ({ value }) => value as string,
    deserialize: (text) => ({ value: text as never }),
  });
  const stopWatching = watch(client, timeoutMs, connect);
  await connected;
  return {
    keyv,
    ping: async () => {
      await client.ping();
    },
    close: async () => {
      stopWatching();
      if (client.isOpen) client.destroy();
      await Promise.resolve();
    },
  };
}

/** The part of the client that is watched. */
interface Watched {
  readonly isReady: boolean;
  ping(): Promise<unknown>;
  destroy(): void;
}

/**
 * Connects anew when a server stops answering without closing the connection: after a failover without a word, TCP would go
 * on trying for a quarter of an hour.
 */
function watch(client: Watched, timeoutMs: number, connect: () => void): () => void {
  let askedAt: number | undefined;
  const timer = setInterval(() => {
    if (!client.isReady) {
      askedAt = undefined;
      return;
    }
    if (askedAt === undefined) {
      askedAt = performance.now();
      const answered = (): void => void (askedAt = undefined);
      client.ping().then(answered, answered);
    } else if (performance.now() - askedAt > timeoutMs) {
      askedAt = undefined;
      client.destroy();
      connect();
    }
  }, WATCH_EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}

async function packages() {
  try {
    return await Promise.all([import('keyv'), import('@keyv/redis')]);
  } catch (error) {
    throw new ConfigurationError(
      [
        'OIDC_RS_CACHE_URL needs the packages keyv and @keyv/redis. Install them: npm install keyv @keyv/redis',
      ],
      { cause: error },
    );
  }
}
