#!/usr/bin/env node
/** `ompq`: the same work without an editor. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 infeasible budget, 130 Ctrl+C. */
import { CommanderError } from 'commander';
import { InfeasibleBudgetError } from './core/allocation/allocation';
import { program } from './cli/program';
import { stoppedBy } from './cli/session';
import { thisPlatform, unsupported } from './common/platform';
import { printable } from './common/printable';

const EXIT = { failed: 1, usage: 2, infeasible: 3 } as const;
/** What shells say of a program that a signal has ended. */
const STOPPED = { SIGINT: 130, SIGTERM: 143 } as const;

async function main(): Promise<number> {
  try {
    const why = unsupported(thisPlatform());
    if (why) throw new Error(why);
    await program().parseAsync();
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage;
    process.stderr.write(`ompq: ${printable(error instanceof Error ? error.message : String(error))}\n`);
    if (process.env.OMPQ_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    return error instanceof InfeasibleBudgetError ? EXIT.infeasible : EXIT.failed;
  }
}

// A reader that has seen enough, as "| head" does, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

void main().then((code) => {
  process.exitCode = stoppedBy ? STOPPED[stoppedBy] : code;
});
