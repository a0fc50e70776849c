/**
 * The reference of settings and of the command line as markdown, from their definitions.
 * @param {object} manifest package.json
 * @param {Record<string, string>} texts package.nls.json
 * @param {import('commander').Command} program
 */
export function reference(manifest, texts, program) {
  return [
    '# Reference',
    'Written by `npm run docs` from package.json and the definitions of the commands; edit those instead.',
    '## Commands in VS Code',
    commands(manifest.contributes.commands, texts),
    '## Settings',
    settings(manifest.contributes.configuration, texts),
    '## Command line',
    `${program.description()} Exit codes: 0 done, 1 failed, 2 wrong usage, 3 infeasible budget, 130 stopped by Ctrl+C.`,
    ...program.commands.map(command),
  ].join('\n\n');
}

/** Patterns have stars, which are no emphasis. */
const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('\n', ' ').replaceAll('*', '\\*');

function table(head, rows) {
  const line = (cells) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** A text of package.json may be the name of one in package.nls.json. */
function resolve(text, texts) {
  const key = /^%(.+)%$/.exec(text ?? '')?.[1];
  return key === undefined ? (text ?? '') : (texts[key] ?? text);
}

function commands(list, texts) {
  return table(
    ['command', 'id'],
    list.map(({ command, title, category }) => [
      `${resolve(category, texts)}: ${resolve(title, texts)}`,
      `\`${command}\``,
    ]),
  );
}

function settings(configuration, texts) {
  const sections = Array.isArray(configuration) ? configuration : [configuration];
  const properties = sections.flatMap((section) => Object.entries(section.properties));
  return table(
    ['setting', 'default', 'values', 'meaning'],
    properties.map(([name, property]) => [
      `\`${name}\``,
      `\`${JSON.stringify(property.default)}\``,
      values(property),
      resolve(property.markdownDescription ?? property.description, texts),
    ]),
  );
}

function values({ enum: choices, type, minimum, maximum, exclusiveMinimum }) {
  if (choices) return choices.map((choice) => `\`${choice}\``).join(', ');
  const limits = [
    minimum === undefined ? '' : `at least ${minimum}`,
    exclusiveMinimum === undefined ? '' : `above ${exclusiveMinimum}`,
    maximum === undefined ? '' : `at most ${maximum}`,
  ].filter(Boolean);
  return [type, ...limits].join(', ');
}

function command(of) {
  const usage = [
    of.name(),
    ...of.registeredArguments.map(argument),
    of.options.length > 0 ? '[options]' : '',
  ];
  const options = of.options.filter(({ hidden }) => !hidden);
  const rows = options.map((option) => [`\`${option.flags}\``, meaning(option)]);
  const parts = [`### ompq ${of.name()}`, of.description(), `\`ompq ${usage.filter(Boolean).join(' ')}\``];
  return [...parts, table(['option', 'meaning'], rows)].join('\n\n');
}

function argument(of) {
  const name = `${of.name()}${of.variadic ? '...' : ''}`;
  return of.required ? `<${name}>` : `[${name}]`;
}

function meaning({ description, argChoices, defaultValue, defaultValueDescription, negate }) {
  const choices = argChoices ? ` (${argChoices.join(', ')})` : '';
  const empty = defaultValue === undefined || negate || isEmpty(defaultValue);
  const value = defaultValueDescription ?? (empty ? '' : JSON.stringify(defaultValue).replaceAll('"', ''));
  return `${description}${choices}${value ? `; default ${value}` : ''}`;
}

function isEmpty(value) {
  return typeof value === 'boolean' || (typeof value === 'object' && Object.keys(value).length === 0);
}
