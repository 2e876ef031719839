#!/usr/bin/env node
import { runCommand } from './program.ts';
import { processTerminal } from './terminal.ts';

// Not process.exit(): what is written to a pipe must arrive.
void runCommand(process.argv.slice(2), processTerminal()).then((code) => {
  process.exitCode = code;
});
