/** The tools as package.json has to declare them (contributes.languageModelTools): `npm run docs` writes them there. */
import { TOOLS, type ToolInfo } from './schemas';

/** Of the tool as VS Code knows it. */
export const contributedName = (tool: string): string => `ompq_${tool}`;

export function contributedTools(): object[] {
  return TOOLS.map(({ name, title, description, inputSchema }: ToolInfo) => ({
    name: contributedName(name),
    toolReferenceName: `ompq${name[0].toUpperCase()}${name.slice(1).replace(/_(.)/g, (_, c: string) => c.toUpperCase())}`,
    displayName: `OMPQ: ${title}`,
    modelDescription: `${description} ${JOB}`,
    userDescription: description,
    canBeReferencedInPrompt: true,
    icon: '$(symbol-ruler)',
    tags: ['onnx', 'quantization'],
    inputSchema,
  }));
}

const JOB =
  'OMPQ quantizes ONNX models with a bit-width for every layer; order of a job: inspect, quantize, explain and set_bits where needed, export, eval, report. Paths lie in the workspace.';
