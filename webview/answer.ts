/** Answers the page's questions with the method itself; runs in the worker (and directly in tests). */
import { allocate, InfeasibleBudgetError } from '../src/core/allocation/allocation';
import { allocateByObjective } from '../src/core/allocation/objectives';
import { paretoCurve } from '../src/core/allocation/pareto';
import { sampleCurve } from '../src/core/allocation/paretoSample';
import { taskValue } from './objective';
import type { AllocationProblem, Budget } from '../src/core/problem/problem';
import type { Task } from './objective';
import type { Fix, Frontier, SolverAnswer, SolverQuestion } from './solver';

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
          objective: taskValue(task),
          ...(question.quick ? { maxPoints: 0 } : {}),
        });
        return { kind: 'frontier', id, frontier: { size, objective, isComplete } };
      }
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (!(error instanceof InfeasibleBudgetError)) return { kind: 'failed', id, message };
    return { kind: 'infeasible', id, message, fixes: fixesOf(problem, error) };
  }
}

/** What would help, tried out: the least budget, and each limit that can be kept no longer. */
function fixesOf(problem: AllocationProblem, error: InfeasibleBudgetError): Fix[] {
  const [budget, ...limits] = problem.budgets;
  const { smallestBytes: bytes, smallestAverageBits } = error;
  // people are offered two digits
  const averageBits = Math.ceil(smallestAverageBits * 100 - 1e-9) / 100;
  const least: Budget =
    budget.kind === 'averageBits' ? { kind: 'averageBits', bits: averageBits } : { kind: 'bytes', bytes };
  const fixes: Fix[] = limits.flatMap(({ kind }, i): Fix[] =>
    isFeasible({ ...problem, budgets: [budget, ...limits.filter((_, k) => k !== i)] })
      ? [{ drop: kind }]
      : [],
  );
  if (isFeasible({ ...problem, budgets: [least, ...limits] }))
    fixes.unshift({ least: { bytes, averageBits } });
  return fixes;
}

function isFeasible(problem: AllocationProblem): boolean {
  try {
    allocate(problem);
    return true;
  } catch (error) {
    if (error instanceof InfeasibleBudgetError) return false;
    throw error;
  }
}

/** The budget is what the curve runs along; all other limits hold. */
function sampled(task: Task, points: number): Frontier {
  const problem = { ...task.problem, budgets: task.problem.budgets.slice(1) };
  const optima = [...sampleCurve(problem, points, taskValue(task), { timeLimit: 500 })];
  return {
    size: Float64Array.from(optima, ({ sizeBytes }) => sizeBytes),
    objective: Float64Array.from(optima, ({ solver }) => solver.objective),
    isComplete: false,
    isSampled: true,
  };
}
