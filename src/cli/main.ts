#!/usr/bin/env node
import { runCommand } from './program.ts';
import { processTerminal } from './terminal.ts';

// What sysexits.h calls EX_SOFTWARE: a fault of this program itself.
const FAULT = 70;

// Not process.exit(): what is written to a pipe must arrive.
void runCommand(process.argv.slice(2), processTerminal()).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    // The message is left out: nobody foresaw it, so it may hold anything.
    const { name = typeof error, stack = '' } = error instanceof Error ? error : {};
    const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
    console.error(`oidc-rs met an error that nobody foresaw (${name}). Please report these lines:`);
    console.error(frames.slice(0, 8).join('\n'));
    process.exitCode = FAULT;
  },
);
