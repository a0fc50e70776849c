import { describe, expect, it } from 'vitest';
import type { Task } from '../../webview/objective';
import { WorkerSolver, type Port, type SolverQuestion } from '../../webview/solver';

class SlowPort implements Port {
  onmessage: Port['onmessage'] = null;
  readonly asked: SolverQuestion[] = [];
  ended = false;
  postMessage(question: SolverQuestion): void {
    this.asked.push(question);
  }
  terminate(): void {
    this.ended = true;
  }
  answer(): void {
    const { id } = this.asked[this.asked.length - 1];
    this.onmessage?.({ data: { kind: 'failed', id, message: `answer ${id}` } });
  }
}

function lanes(): { solver: WorkerSolver; ports: SlowPort[] } {
  const ports: SlowPort[] = [];
  const solver = new WorkerSolver(() => {
    ports.push(new SlowPort());
    return ports[ports.length - 1];
  });
  return { solver, ports };
}

const task = {} as Task;

describe('WorkerSolver', () => {
  it('asks the newest question next and drops those in between', async () => {
    const { solver, ports } = lanes();
    const [first, second, third] = [1, 2, 3].map(() => solver.solve(task));
    expect(ports[0].asked).toHaveLength(1);
    expect(await second).toBeNull();
    ports[0].answer();
    expect(await first).toEqual({ failed: 'answer 1' });
    expect(ports[0].asked).toHaveLength(2);
    ports[0].answer();
    expect(await third).toEqual({ failed: 'answer 2' });
  });

  it('ends the worker of a frontier that nobody wants any more', async () => {
    const { solver, ports } = lanes();
    const first = solver.frontier(task, false);
    const second = solver.frontier(task, false);
    expect(await first).toBeNull();
    expect(ports.map((p) => p.ended)).toEqual([true, false]);
    const frontier = { size: Float64Array.of(1), objective: Float64Array.of(3), isComplete: true };
    ports[1].onmessage?.({ data: { kind: 'frontier', id: ports[1].asked[0].id, frontier } });
    expect(await second).toEqual(frontier);
  });

  it('takes no late answer of an ended worker for a new one', async () => {
    const { solver, ports } = lanes();
    void solver.frontier(task, false);
    const second = solver.frontier(task, false);
    const frontier = { size: Float64Array.of(9), objective: Float64Array.of(9), isComplete: true };
    ports[0].onmessage?.({
      data: { kind: 'frontier', id: ports[0].asked[0].id, frontier: { ...frontier, isComplete: false } },
    });
    ports[1].onmessage?.({ data: { kind: 'frontier', id: ports[1].asked[0].id, frontier } });
    expect(await second).toEqual(frontier);
  });
});
