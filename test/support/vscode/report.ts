/** What the mocha inside the extension host reports, one JSON document per line. */
export type HostEvent =
  | { type: 'start'; total: number }
  | { type: 'test'; title: string }
  | { type: 'pass'; title: string; milliseconds: number }
  | { type: 'skip'; title: string }
  | { type: 'fail'; title: string; error: string }
  | { type: 'end' };

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Follows the events of one run: prints them, counts them and knows what the host was doing last. */
export class HostReport {
  readonly counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  ended = false;
  /** Set when a second run began: the host died and VS Code started it again. */
  restarted = false;
  private current = 'before the first test';
  private started = false;

  constructor(private readonly print: (line: string) => void) {}

  take(event: HostEvent): void {
    switch (event.type) {
      case 'start':
        this.restarted ||= this.started;
        this.started = true;
        return;
      case 'test':
        this.current = `in "${event.title}"`;
        return;
      case 'pass':
        this.counts.passed++;
        this.print(`  ok    ${event.title} (${event.milliseconds} ms)`);
        return;
      case 'skip':
        this.counts.skipped++;
        this.print(`  skip  ${event.title}`);
        return;
      case 'fail':
        this.counts.failed++;
        this.print(`  FAIL  ${event.title}\n${event.error.replace(/^/gm, '        ')}`);
        return;
      case 'end':
        this.ended = true;
    }
  }

  /** Counts a run that did not come to its end as one failure, and says where it stopped. */
  abort(reason: string): void {
    this.counts.failed++;
    this.print(`  FAIL  ${reason} (${this.current})`);
  }
}
