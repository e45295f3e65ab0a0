const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

const cleanUps: (() => Promise<unknown>)[] = [];
let ending: Promise<void> | undefined;

/** Has something undone at the end, however the end comes. */
export function atEnd(cleanUp: () => Promise<unknown>): void {
  cleanUps.push(cleanUp);
}

/** Takes back what was to be undone at the end. */
export function keepRunning(): void {
  cleanUps.length = 0;
}

/** Cleans up and exits. Called again, it changes nothing. */
export function end(exitCode: number): Promise<void> {
  ending ??= (async () => {
    for (const cleanUp of cleanUps) await cleanUp().catch(print);
    process.exit(exitCode);
  })();
  return ending;
}

/** Cleans up and exits on Ctrl-C, on `kill`, with the terminal, on any failure, and when nobody is there to read. */
export function endOnSignalsAndFailures(): void {
  for (const [signal, exitCode] of Object.entries(SIGNALS)) process.on(signal, () => void end(exitCode));
  process.stdout.on('error', () => void end(0));
  // npm passes a signal on to the shell that it has started, and that dies of it alone.
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && void end(SIGNALS.SIGTERM), 200).unref();
  const fail = (error: unknown) => {
    complain(error);
    void end(1);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
}

/** Prints a failure, unless the end has come: once the server goes, whatever was under way fails. */
export function complain(error: unknown): void {
  if (ending === undefined) print(error);
}

function print(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
}
