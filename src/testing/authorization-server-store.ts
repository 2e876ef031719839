import type { Adapter, AdapterPayload } from './quiet-provider.ts';

/**
 * Where one test authorization server keeps its tokens, grants and sessions. The one inside oidc-provider warns at
 * start; this one also outlives the provider, which is built anew when the signing keys are rotated.
 */
export function createStore(): (model: string) => Adapter {
  const entries = new Map<string, AdapterPayload>();

  return (model) => {
    const key = (id: string): string => `${model}:${id}`;
    const ofThisModel = (): [string, AdapterPayload][] =>
      [...entries].filter(([entryKey]) => entryKey.startsWith(`${model}:`));
    const findBy = (member: 'uid' | 'userCode', value: string): Promise<AdapterPayload | undefined> =>
      Promise.resolve(ofThisModel().find(([, payload]) => payload[member] === value)?.[1]);

    return {
      // Nothing is removed when it expires: the provider checks `exp` itself, and a test's server does not live long.
      upsert: (id, payload) => {
        entries.set(key(id), payload);
        return Promise.resolve();
      },
      find: (id) => Promise.resolve(entries.get(key(id))),
      findByUid: (uid) => findBy('uid', uid),
      findByUserCode: (userCode) => findBy('userCode', userCode),
      consume: (id) => {
        const payload = entries.get(key(id));
        if (payload) payload.consumed = Math.floor(Date.now() / 1000);
        return Promise.resolve();
      },
      destroy: (id) => {
        entries.delete(key(id));
        return Promise.resolve();
      },
      revokeByGrantId: (grantId) => {
        for (const [entryKey, payload] of ofThisModel()) {
          if (payload.grantId === grantId) entries.delete(entryKey);
        }
        return Promise.resolve();
      },
    };
  };
}
