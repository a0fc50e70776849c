/** One call of a tool by an agent. */
import Ajv, { type ValidateFunction } from 'ajv';
import type { ToolContext } from './context';
import { TOOLS } from './schemas';
import { HANDLERS } from './tools';

/** Arguments that a tool does not take. The message is for the agent. */
export class ArgumentError extends Error {}

const ajv = new Ajv({ allErrors: false, allowUnionTypes: true, strict: false });
const checks = new Map<string, ValidateFunction>();

/** @param name one of `TOOLS` @throws ArgumentError; whatever the tool throws: its message is for the agent */
export async function callTool(name: string, given: unknown, context: ToolContext): Promise<object> {
  const check = checkOf(name);
  if (!check(given)) {
    const [error] = check.errors ?? [];
    const place = error?.instancePath || 'they';
    throw new ArgumentError(`The arguments of ${name} do not fit: ${place} ${error?.message ?? ''}.`);
  }
  return HANDLERS[name](given as never, context);
}

function checkOf(name: string): ValidateFunction {
  const tool = TOOLS.find((each) => each.name === name);
  if (!tool) throw new ArgumentError(`There is no tool "${name}".`);
  const check = checks.get(name) ?? ajv.compile(tool.inputSchema);
  checks.set(name, check);
  return check;
}
