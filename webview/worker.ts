/** The solver in a thread of its own, so that dragging stays fluid on networks of a thousand functions. */
import { answer } from './answer';
import type { SolverAnswer, SolverQuestion } from './solver';

const scope = self as unknown as {
  onmessage: (event: { data: SolverQuestion }) => void;
  postMessage(reply: SolverAnswer): void;
};
scope.onmessage = ({ data }) => scope.postMessage(answer(data));
