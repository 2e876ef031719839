const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** The signals that end a server: the first asks it to finish, the second to end at once. */
export interface StopSignals {
  readonly first: Promise<string>;
  readonly second: Promise<string>;
  /** Hands the signals back to Node, which ends the process by them. */
  release(): void;
}

export function stopSignals(): StopSignals {
  const waiting: ((signal: string) => void)[] = [];
  const next = (): Promise<string> => new Promise((resolve) => waiting.push(resolve));
  const [first, second] = [next(), next()];
  const onSignal = (signal: string): void => waiting.shift()?.(signal);
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return {
    first,
    second,
    release: () => {
      for (const signal of SIGNALS) process.off(signal, onSignal);
    },
  };
}
