/** What another version of a model has to make so that it can be compared. */
import type { ModelProto } from '../proto/onnx_pb';
import type { OutputPlan } from './outputs';

/** Tensors that a comparison reads: those that decide the measure, and the outputs that hold choices. */
export function comparedNames({ compared, outputs, fetchable }: OutputPlan): string[] {
  const choices = outputs.filter(
    ({ kind, name }) => (kind === 'labels' || kind === 'rows') && fetchable.includes(name),
  );
  return [...new Set([...compared.map(({ tensor }) => tensor), ...choices.map(({ name }) => name)])];
}

/** The plan without tensors that another version of the model does not make; and which those are. */
export function common(plan: OutputPlan, other: ModelProto): { plan: OutputPlan; missing: string[] } {
  const graph = other.graph!;
  const made = new Set([
    ...graph.node.flatMap(({ output }) => output),
    ...[...graph.input, ...graph.initializer].map(({ name }) => name),
  ]);
  const missing = plan.compared.flatMap(({ tensor }) => (made.has(tensor) ? [] : [tensor]));
  if (missing.length === 0) return { plan, missing };
  return {
    plan: {
      outputs: plan.outputs
        .filter(({ name }) => graph.output.some((output) => output.name === name))
        .map((facts) => ({ ...facts, tensors: facts.tensors.filter((name) => made.has(name)) })),
      compared: plan.compared.filter(({ tensor }) => made.has(tensor)),
      fetchable: plan.fetchable.filter((name) => made.has(name)),
    },
    missing,
  };
}
