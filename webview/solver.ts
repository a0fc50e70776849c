/** The page's side of the solver workers: the newest question wins, a frontier is given up when its problem changes. */
import type { Allocation, Budget } from '../src/core/problem/problem';
import type { Task } from './objective';

/** Optima by rising size and objective. */
export interface Frontier {
  /** Bytes of the whole file. */
  size: Float64Array;
  objective: Float64Array;
  /** false: too many to list; only those on the convex hull. */
  isComplete: boolean;
  /** Some sizes only, each solved within the other limits. */
  isSampled?: boolean;
}

export type SolverQuestion =
  { kind: 'solve'; id: number; task: Task } | { kind: 'frontier'; id: number; task: Task; quick: boolean };

export type SolverAnswer =
  | { kind: 'solved'; id: number; allocation: Allocation }
  | { kind: 'infeasible'; id: number; message: string; fixes: Fix[] }
  | { kind: 'frontier'; id: number; frontier: Frontier }
  | { kind: 'failed'; id: number; message: string };

/** What makes a budget possible that is not, and was tried. */
export type Fix =
  /** The budget raised to this. */
  | { least: { bytes: number; averageBits: number } }
  /** A limit given up. */
  | { drop: Budget['kind'] };

export type Outcome = { allocation: Allocation } | { infeasible: string; fixes: Fix[] } | { failed: string };

export interface Solver {
  /** Resolves to null when a newer question replaced this one. */
  solve(task: Task): Promise<Outcome | null>;
  /**
   * Every distinct optimum between the smallest and the largest size; quick: those on the convex hull, at once.
   * Resolves to null when a newer question replaced this one.
   */
  frontier(task: Task, quick: boolean): Promise<Frontier | null>;
}

/** What a Worker does, so that tests can answer in its place. */
export interface Port {
  postMessage(question: SolverQuestion): void;
  onmessage: ((event: { data: SolverAnswer }) => void) | null;
  terminate(): void;
}

export class WorkerSolver implements Solver {
  private readonly solving: Lane;
  private readonly drawing: Lane;

  constructor(start: () => Port) {
    this.solving = new Lane(start, false);
    this.drawing = new Lane(start, true);
  }

  async solve(task: Task): Promise<Outcome | null> {
    const answer = await this.solving.ask((id) => ({ kind: 'solve', id, task }));
    if (!answer) return null;
    switch (answer.kind) {
      case 'solved':
        return { allocation: answer.allocation };
      case 'infeasible':
        return { infeasible: answer.message, fixes: answer.fixes };
      case 'failed':
        return { failed: answer.message };
      case 'frontier':
        return null;
    }
  }

  async frontier(task: Task, quick: boolean): Promise<Frontier | null> {
    const answer = await this.drawing.ask((id) => ({ kind: 'frontier', id, task, quick }));
    return answer?.kind === 'frontier' ? answer.frontier : null;
  }
}

interface Waiting {
  question: (id: number) => SolverQuestion;
  answered: (answer: SolverAnswer | null) => void;
}

/** One worker; at most one question under way and one waiting behind it. */
class Lane {
  private port: Port | null = null;
  private busy: { id: number; answered: Waiting['answered'] } | null = null;
  private next: Waiting | null = null;
  private id = 0;

  /** @param impatient a new question ends the old one's worker instead of waiting for it */
  constructor(
    private readonly start: () => Port,
    private readonly impatient: boolean,
  ) {}

  ask(question: Waiting['question']): Promise<SolverAnswer | null> {
    return new Promise((answered) => {
      this.next?.answered(null);
      this.next = { question, answered };
      if (this.busy && this.impatient) {
        this.port?.terminate();
        this.port = null;
        this.busy.answered(null);
        this.busy = null;
      }
      if (!this.busy) this.send();
    });
  }

  private send(): void {
    if (!this.next) return;
    const { question, answered } = this.next;
    this.next = null;
    this.busy = { id: ++this.id, answered };
    if (!this.port) {
      this.port = this.start();
      this.port.onmessage = ({ data }) => this.receive(data);
    }
    this.port.postMessage(question(this.id));
  }

  private receive(answer: SolverAnswer): void {
    if (answer.id !== this.busy?.id) return;
    const { answered } = this.busy;
    this.busy = null;
    // an answer that a newer question waits behind is still worth showing: that is what makes dragging feel live
    answered(answer);
    this.send();
  }
}
