import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountSchema, openAccounts, TypeOrmUserStore } from '../../examples/guides/typeorm-user-store.ts';
import { exampleCode } from './pages.ts';

const ISSUER = 'https://auth.example.com';
const NOBODY = { claims: {} };

describe("the guide's store on TypeORM", () => {
  const directory = mkdtempSync(join(tmpdir(), 'typeorm-guide-'));
  const file = join(directory, 'accounts.db');
  let dataSource: DataSource;
  let store: TypeOrmUserStore;
  const subjects = async (): Promise<string[]> =>
    (await dataSource.getRepository(accountSchema).find()).map(({ subject }) => subject);

  beforeAll(async () => {
    dataSource = await openAccounts(file);
    store = new TypeOrmUserStore(dataSource);
  });
  afterAll(async () => {
    await dataSource.destroy();
    rmSync(directory, { recursive: true });
  });

  it('has under 40 lines', () => {
    const code = exampleCode('example: examples/guides/typeorm-user-store.ts#store');
    expect(code.trimEnd().split('\n').length).toBeLessThan(40);
  });

  it('creates, finds, and keeps what was there first', async () => {
    expect(await store.findBySubject(ISSUER, 'alice')).toBeUndefined();
    const alice = await store.create(ISSUER, 'alice', { email: 'alice@example.org', claims: {} });
    expect(alice).toMatchObject({
      issuer: ISSUER,
      subject: 'alice',
      email: 'alice@example.org',
      active: true,
    });
    expect(await store.create(ISSUER, 'alice', { email: 'other@example.org', claims: {} })).toEqual(alice);
    expect(await store.findBySubject(ISSUER, 'alice')).toEqual(alice);
    expect(store.isActive(alice)).toBe(true);
  });

  it('knows a person by issuer and subject, byte for byte', async () => {
    for (const subject of ['Alice', 'alice ', 'álice', 'a%', '_lice']) {
      expect(await store.findBySubject(ISSUER, subject)).toBeUndefined();
    }
    expect(await store.findBySubject('https://other.example.com', 'alice')).toBeUndefined();
    const other = await store.create('https://other.example.com', 'alice', NOBODY);
    expect(other).not.toEqual(await store.findBySubject(ISSUER, 'alice'));
  });

  it('makes one user of fifty parallel calls, through two connections', async () => {
    const second = await openAccounts(file);
    try {
      const stores = [store, new TypeOrmUserStore(second)];
      const made = await Promise.all(
        Array.from({ length: 25 }, () => stores.map((each) => each.create(ISSUER, 'bob', NOBODY))).flat(),
      );
      expect(made).toHaveLength(50);
      expect(new Set(made.map(({ id }) => id)).size).toBe(1);
      expect((await subjects()).filter((subject) => subject === 'bob')).toHaveLength(1);
    } finally {
      await second.destroy();
    }
  });

  it('says no for a disabled user', async () => {
    const carol = await store.create(ISSUER, 'carol', NOBODY);
    await dataSource.getRepository(accountSchema).update(carol.id, { active: false });
    const found = await store.findBySubject(ISSUER, 'carol');
    expect(found && store.isActive(found)).toBe(false);
    expect((await store.create(ISSUER, 'carol', NOBODY)).active).toBe(false);
  });

  it('fails where the database does', async () => {
    const broken = await openAccounts(join(directory, 'broken.db'));
    await broken.query('DROP TABLE account');
    const failure = new TypeOrmUserStore(broken);
    await expect(failure.findBySubject(ISSUER, 'alice')).rejects.toThrow('account');
    await expect(failure.create(ISSUER, 'alice', NOBODY)).rejects.toThrow('account');
    await broken.destroy();
  });

  it('refuses a subject that its driver would change', async () => {
    await expect(store.create(ISSUER, 'alice\0', NOBODY)).rejects.toMatchObject({ reason: 'subject' });
    expect(await store.findBySubject(ISSUER, 'alice\0')).toBeUndefined();
  });
});
