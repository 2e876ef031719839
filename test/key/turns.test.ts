import { generateKeyPairSync } from 'node:crypto';
import { CompactEncrypt } from 'jose';
import { describe, expect, it } from 'vitest';
import { decryptWith } from '../../src/key/jwe.ts';
import { Turns } from '../../src/key/turns.ts';

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('Turns', () => {
  it('lets so much through in one turn, and the others in the next ones, in order', async () => {
    const turns = new Turns(2);
    const admitted: number[] = [];
    const places = [0, 1, 2, 3, 4].map((i) => turns.take()?.then(() => admitted.push(i)));
    expect(places.map((place) => place === undefined)).toEqual([true, true, false, false, false]);
    await Promise.resolve();
    expect(admitted).toEqual([]);
    await nextTurn();
    expect(admitted).toEqual([2, 3]);
    await nextTurn();
    expect(admitted).toEqual([2, 3, 4]);
  });

  it('lets nobody overtake those who wait', async () => {
    const turns = new Turns(1);
    const admitted: string[] = [];
    void turns.take();
    void turns.take()?.then(() => admitted.push('first'));
    void turns.take()?.then(() => admitted.push('second'));
    await nextTurn();
    void turns.take()?.then(() => admitted.push('third'));
    await nextTurn();
    await nextTurn();
    expect(admitted).toEqual(['first', 'second', 'third']);
  });

  it('counts what waited among what its turn lets through', async () => {
    const turns = new Turns(2);
    const taken = [turns.take(), turns.take(), turns.take()];
    await taken[2];
    expect(turns.take()).toBeUndefined();
    expect(turns.take()).toBeInstanceOf(Promise);
  });

  it('begins every turn anew', async () => {
    const turns = new Turns(1);
    expect(turns.take()).toBeUndefined();
    await nextTurn();
    expect(turns.take()).toBeUndefined();
  });
});

describe('RSA decryption at once', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

  it('leaves the event loop to others while many messages wait for it (X4)', async () => {
    const decrypt = decryptWith(privateKey, 'RSA-OAEP', 'A256GCM');
    const jwe = await new CompactEncrypt(Buffer.from('hello'))
      .setProtectedHeader({ alg: 'RSA-OAEP', enc: 'A256GCM' })
      .encrypt(publicKey);
    let decrypted = 0;
    const all = Promise.all(
      Array.from({ length: 40 }, async () => {
        const plaintext = await decrypt(jwe);
        decrypted += 1;
        return Buffer.from(plaintext).toString();
      }),
    );
    const seen: number[] = [];
    while (decrypted < 40) {
      await nextTurn();
      seen.push(decrypted);
    }
    expect(await all).toEqual(Array.from({ length: 40 }, () => 'hello'));
    // Eight at once, and eight in each turn from then on, the first of which is over when it is first looked.
    expect(seen).toEqual([16, 24, 32, 40]);
  });
});
