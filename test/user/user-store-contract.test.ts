import { describe, it } from 'vitest';
import { type MemoryUser, MemoryUserStore } from '../../src/user/memory-user-store.ts';
import { userStoreContract } from '../../src/testing/index.ts';

await userStoreContract<MemoryUser>(
  { describe: (what, body) => describe(`MemoryUserStore: ${what}`, body), it },
  // eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous
  async () => {
    const store = new MemoryUserStore();
    return {
      store,
      // eslint-disable-next-line @typescript-eslint/require-await -- as above
      addUnlinked: async (email) => {
        store.add({ issuer: '', subject: undefined, email, active: true });
      },
      // eslint-disable-next-line @typescript-eslint/require-await -- as above
      disable: async (user) => {
        user.active = false;
      },
      // eslint-disable-next-line @typescript-eslint/require-await -- as above
      remove: async ({ issuer, subject }) => {
        store.delete(issuer, subject ?? '');
      },
      profileOf: ({ email, name }) => ({ email, fullName: name }),
    };
  },
);
