/** What a suite needs of a test runner: Vitest, `node:test`, Mocha and Jest all have it. */
export interface TestRunner {
  /** Groups tests. */
  describe(name: string, body: () => void): unknown;
  /** Describes a test. */
  it(name: string, body: () => Promise<void>): unknown;
}
