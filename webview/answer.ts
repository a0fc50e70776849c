/** Answers the page's questions with the method itself; runs in the worker (and directly in tests). */
import { InfeasibleBudgetError } from '../src/core/allocation/allocation';
import { allocateByObjective } from '../src/core/allocation/objectives';
import { paretoCurve } from '../src/core/allocation/pareto';
import { sampleCurve } from '../src/core/allocation/paretoSample';
import type { Task } from './objective';
import { valueOf } from './objective';
import type { Frontier, SolverAnswer, SolverQuestion } from './solver';

/** Points of a curve within more limits than the size: at first, and in the end. */
const FEW = 6;
const MANY = 32;

export function answer(question: SolverQuestion): SolverAnswer {
  const { id, task } = question;
  const { problem, gamma, decay, beta } = task;
  try {
    switch (question.kind) {
      case 'solve':
        return {
          kind: 'solved',
          id,
          allocation: allocateByObjective(task.objective, { problem, gamma, scoring: { decay, beta } }),
        };
      case 'frontier': {
        if (problem.budgets.length > 1) {
          return { kind: 'frontier', id, frontier: sampled(task, question.quick ? FEW : MANY) };
        }
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

/** The budget is what the curve runs along; all other limits hold. */
function sampled(task: Task, points: number): Frontier {
  const problem = { ...task.problem, budgets: task.problem.budgets.slice(1) };
  const optima = [...sampleCurve(problem, points, valueOf(task), { timeLimit: 500 })];
  return {
    size: Float64Array.from(optima, ({ sizeBytes }) => sizeBytes),
    objective: Float64Array.from(optima, ({ solver }) => solver.objective),
    isComplete: false,
    isSampled: true,
  };
}
