/** Answers the page's questions with the method itself; runs in the worker (and directly in tests). */
import { InfeasibleBudgetError } from '../src/core/allocation';
import { paretoCurve } from '../src/core/pareto';
import { allocateBy } from '../src/core/objectives';
import { valueOf } from './objective';
import type { SolverAnswer, SolverQuestion } from './solver';

export function answer(question: SolverQuestion): SolverAnswer {
  const { id, task } = question;
  const { problem, gamma, decay, beta } = task;
  try {
    switch (question.kind) {
      case 'solve':
        return {
          kind: 'solved',
          id,
          allocation: allocateBy(task.objective, { problem, gamma, scoring: { decay, beta } }),
        };
      case 'frontier': {
        const { size, objective, isComplete } = paretoCurve(problem, {
          objective: valueOf(task),
          ...(question.quick ? { maxPoints: 0 } : {}),
        });
        return { kind: 'frontier', id, frontier: { size, objective, isComplete } };
      }
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (!(error instanceof InfeasibleBudgetError)) return { kind: 'failed', id, message };
    const least = { bytes: error.smallestBytes, averageBits: error.smallestAverageBits };
    return { kind: 'infeasible', id, message, least };
  }
}
