import { type MemoryUser, MemoryUserStore, type UserProfile } from 'oidc-resource-server';
import { userStoreContract, type UserStoreUnderTest } from 'oidc-resource-server/testing';
import { describe, expect, it } from 'vitest';
import { outcomeOf, recordingRunner } from './recording-runner.ts';

type Store = MemoryUserStore;

class Creating extends MemoryUserStore {
  override async findBySubject(issuer: string, subject: string): Promise<MemoryUser | undefined> {
    return (await super.findBySubject(issuer, subject)) ?? super.create(issuer, subject, { claims: {} });
  }
}

/** Reads, and inserts later: between the two somebody else inserts. */
class NotAtomic extends MemoryUserStore {
  readonly #made = new Map<string, number>();
  override async create(issuer: string, subject: string, profile: UserProfile): Promise<MemoryUser> {
    const known = await super.findBySubject(issuer, subject);
    await Promise.resolve();
    if (known !== undefined) return known;
    const made = (this.#made.get(subject) ?? 0) + 1;
    this.#made.set(subject, made);
    this.delete(issuer, subject);
    const user = await super.create(issuer, subject, profile);
    return made === 1 ? user : Object.assign(user, { email: `${made}` });
  }
}

class Trimming extends MemoryUserStore {
  override async findBySubject(issuer: string, subject: string): Promise<MemoryUser | undefined> {
    return await super.findBySubject(issuer, subject?.trim?.());
  }
  override create(issuer: string, subject: string, profile: UserProfile): Promise<MemoryUser> {
    return super.create(issuer, subject?.trim?.(), profile);
  }
}

class Folding extends MemoryUserStore {
  override async findBySubject(issuer: string, subject: string): Promise<MemoryUser | undefined> {
    return await super.findBySubject(issuer, subject?.toLowerCase?.());
  }
  override create(issuer: string, subject: string, profile: UserProfile): Promise<MemoryUser> {
    return super.create(issuer, subject?.toLowerCase?.(), profile);
  }
}

class OneIssuer extends MemoryUserStore {
  override async findBySubject(_issuer: string, subject: string): Promise<MemoryUser | undefined> {
    return await super.findBySubject('one', subject);
  }
  override create(_issuer: string, subject: string, profile: UserProfile): Promise<MemoryUser> {
    return super.create('one', subject, profile);
  }
}

class Unlocking extends MemoryUserStore {
  override async create(issuer: string, subject: string, profile: UserProfile): Promise<MemoryUser> {
    return Object.assign(await super.create(issuer, subject, profile), { active: true });
  }
}

class LinkingAny extends MemoryUserStore {
  override linkByVerifiedEmail(
    issuer: string,
    subject: string,
    email: string,
  ): Promise<MemoryUser | undefined> {
    return super.linkByVerifiedEmail(issuer, subject, email.trim().toLowerCase());
  }
}

class Reviving extends MemoryUserStore {
  override async update(user: MemoryUser, profile: UserProfile): Promise<MemoryUser> {
    const known = await super.update(user, profile).catch(() => undefined);
    return known ?? super.create(user.issuer, user.subject ?? '', profile);
  }
}

class ForgettingProfiles extends MemoryUserStore {
  override async update(user: MemoryUser, profile: UserProfile): Promise<MemoryUser> {
    const updated = await super.update(user, profile);
    return Object.assign(updated, { email: profile.email, name: profile.fullName });
  }
}

class NeverWritten extends MemoryUserStore {
  override updatedAt(): number {
    return 0;
  }
}

/** Broken stores, and the tests that find them: these fail, and no others. */
const BROKEN: Record<string, [make: () => Store, found: RegExp]> = {
  'makes users when it looks for them': [
    () => new Creating(),
    /finds nobody|nobody|forgets|does not|keeps|link|deleted|never changes/,
  ],
  'is not atomic': [() => new NotAtomic(), /parallel calls/],
  'trims subjects': [() => new Trimming(), /does not take|does not link/],
  'folds case': [() => new Folding(), /keeps "Alice"|does not take|keeps .* apart|does not link/],
  'is for one issuer and does not say so': [() => new OneIssuer(), /two issuers|link|deleted|forgets/],
  'unlocks who is locked out': [() => new Unlocking(), /locked out/],
  'links whose address looks alike': [() => new LinkingAny(), /does not take .* for "alice@example.com"/],
  'brings back who was deleted': [() => new Reviving(), /does not bring back who was deleted/],
  'loses what a profile does not say': [
    () => new ForgettingProfiles(),
    /keeps what the profile does not say/,
  ],
  'does not know when it wrote': [() => new NeverWritten(), /says when the user was written/],
};

// eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous
async function underTest(store: Store): Promise<UserStoreUnderTest<MemoryUser>> {
  return {
    store,
    addUnlinked: (email) =>
      Promise.resolve(void store.add({ issuer: '', subject: undefined, email, active: true })),
    disable: (user) => Promise.resolve(void (user.active = false)),
    remove: ({ issuer, subject }) => Promise.resolve(void store.delete(issuer, subject ?? '')),
    profileOf: ({ email, name }) => ({ email, fullName: name }),
  };
}

// That the right ones pass is in test/user/, for each of them.
describe('a user store that', () => {
  it.each(Object.entries(BROKEN))('%s is found out, there and nowhere else', async (_, [make, found]) => {
    const { runner, tests } = recordingRunner();
    await userStoreContract(runner, () => underTest(make()));
    const { failed } = await outcomeOf(tests);
    expect(failed).not.toEqual([]);
    expect(failed.filter((name) => !found.test(name))).toEqual([]);
  });
});

it('asks for what it needs to test what a store can do', async () => {
  const { runner } = recordingRunner();
  const without = async () => ({ ...(await underTest(new MemoryUserStore())), disable: undefined });
  await expect(userStoreContract(runner, without as never)).rejects.toThrow('"disable"');
});
