import type { Logger } from '../../src/types.ts';

/** One call of a logger. */
export interface LogRecord {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A logger that keeps what it is told. */
export class RecordingLogger implements Logger {
  readonly records: LogRecord[] = [];

  debug(fields: LogRecord['fields'], message: string): void {
    this.records.push({ level: 'debug', fields, message });
  }

  info(fields: LogRecord['fields'], message: string): void {
    this.records.push({ level: 'info', fields, message });
  }

  warn(fields: LogRecord['fields'], message: string): void {
    this.records.push({ level: 'warn', fields, message });
  }

  error(fields: LogRecord['fields'], message: string): void {
    this.records.push({ level: 'error', fields, message });
  }

  /** The one record there is. Any other number of them is an error. */
  get only(): LogRecord {
    const [record, another] = this.records;
    if (record === undefined || another !== undefined) {
      throw new Error(`${this.records.length} records instead of one: ${this.text}`);
    }
    return record;
  }

  /** Everything that was logged, to search for what must not be there. */
  get text(): string {
    return JSON.stringify(this.records);
  }
}
