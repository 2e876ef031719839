// How two contestants compare, round by round.
import { median } from '../report.mjs';

/** A server that waits for more than this part of a round was not what limited it. */
const BUSY = 0.97;

/** Whether the load, and not the server, was the limit. */
export function hadTimeToSpare({ rounds }) {
  return median(rounds.map(({ busy }) => busy)) < BUSY;
}

/**
 * How many times as many requests the first serves as the second, in each round. Where the load was the limit of one of
 * them, by the CPU time that a request takes: requests a second would flatter the slower one.
 */
export function timesOf(run, other) {
  const byTime = hadTimeToSpare(run) || hadTimeToSpare(other);
  return run.rounds.map(({ rate, cpu }, round) =>
    byTime ? other.rounds[round].cpu / cpu : rate / other.rounds[round].rate,
  );
}
