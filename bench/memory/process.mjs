// A process of its own: fills one kind of cache and prints how many bytes a token takes.
import { claimsText, keyOf } from './claims.mjs';
import { VARIANTS } from './variants.mjs';

const [, , name, count] = process.argv;
const tokens = Number(count);

// Whatever is loaded or compiled once is no part of a token.
const trial = await VARIANTS[name](100);
for (let i = 0; i < 1000; i += 1) trial.set(keyOf(-1 - i), claimsText(i));

const before = used();
const cache = await VARIANTS[name](tokens);
for (let i = 0; i < tokens; i += 1) cache.set(keyOf(i), claimsText(i));
const after = used();

// All of them have to be there, the first as well as the last.
for (let i = 0; i < tokens; i += 997) {
  const { username } = cache.get(keyOf(i)) ?? {};
  if (username !== `person-${i >> 1}`) throw new Error(`Token ${i} of ${tokens} is not in the cache.`);
}
console.log(
  JSON.stringify({
    heap: (after.heapUsed - before.heapUsed) / tokens,
    outside: (after.external - before.external) / tokens,
  }),
);

function used() {
  for (let i = 0; i < 4; i += 1) globalThis.gc();
  return process.memoryUsage();
}
