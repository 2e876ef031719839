// The contract, for a store of your own. Run it by: npx tsx --test proving-a-user-store.ts
import { describe, it } from 'node:test';
import { userStoreContract } from 'oidc-resource-server/testing';
import { accountSchema, openAccounts, TypeOrmUserStore } from './typeorm-user-store.ts';

await userStoreContract({ describe, it }, async () => {
  const dataSource = await openAccounts(':memory:');
  const accounts = dataSource.getRepository(accountSchema);
  return {
    store: new TypeOrmUserStore(dataSource),
    disable: async ({ id }) => {
      await accounts.update(id, { active: false });
    },
    remove: async ({ id }) => {
      await accounts.delete(id);
    },
    profileOf: ({ email }) => ({ email }),
    close: () => dataSource.destroy(),
  };
});
