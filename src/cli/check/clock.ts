import { type Check, fail, pass, skip, warn } from './check.ts';

/** Compares this machine's clock with the `Date` of the authorization server's answers. */
export const clock: Check = {
  name: 'clock',
  run({ http, reading }) {
    const tolerance = reading.settings.OIDC_RS_CLOCK_TOLERANCE;
    // `Date` is cut to the second; the smallest difference is the one that the network delayed least.
    const differences = http.exchanges.flatMap(({ response, answeredAt }) => {
      const date = Date.parse(response?.headers.date ?? '');
      return Number.isNaN(date) ? [] : [answeredAt / 1000 - date / 1000];
    });
    if (differences.length === 0) return Promise.resolve([skip('The authorization server sent no Date.')]);
    const [difference = 0] = differences.sort((a, b) => Math.abs(a) - Math.abs(b));
    const seconds = Math.round(Math.abs(difference));
    if (seconds <= Math.max(tolerance, 1))
      return Promise.resolve([
        pass(`Agrees with the authorization server's to ${String(Math.max(seconds, 1))} s.`),
      ]);
    const where = difference > 0 ? 'ahead of' : 'behind';
    const message = `This machine's clock is ${String(seconds)} s ${where} the authorization server's; OIDC_RS_CLOCK_TOLERANCE is ${String(tolerance)} s.`;
    const remedy = 'Set both clocks by NTP. Otherwise good tokens are refused as expired or not yet valid.';
    return Promise.resolve([seconds > 60 ? fail(message, remedy) : warn(message, remedy)]);
  },
};
