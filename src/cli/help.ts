import { Help, type Option } from 'commander';

/** Commander's description of an option, without defaults that say nothing or stand in its text already. */
export function optionDescription(option: Option): string {
  const { defaultValue, description } = option as { defaultValue: unknown; description: string };
  const isEmpty =
    typeof defaultValue === 'object' && defaultValue !== null && Object.keys(defaultValue).length === 0;
  const shown = isEmpty || description.includes('(default:');
  return new Help().optionDescription(shown ? withoutDefault(option) : option);
}

function withoutDefault(option: Option): Option {
  return Object.assign(Object.create(option) as Option, { defaultValue: undefined });
}
