/**
 * The markdown tables in what a bench printed, without the text around them.
 * @param {string} printed
 */
export function tablesOf(printed) {
  return printed
    .split(/\r?\n/)
    .reduce((blocks, line) => {
      if (line.startsWith('|')) blocks.at(-1).push(line);
      else if (blocks.at(-1).length > 0) blocks.push([]);
      return blocks;
    }, /** @type {string[][]} */ ([[]]))
    .filter((block) => block.length > 2)
    .map((block) => block.join('\n'))
    .join('\n\n');
}

/**
 * `text` with `content` between the markers of bench `name`, wherever they are.
 * @param {string} text
 * @param {string} name
 * @param {string} content
 */
export function insert(text, name, content) {
  const markers = new RegExp(`(<!-- bench:${name} -->)[^]*?(<!-- /bench:${name} -->)`, 'g');
  return text.replace(markers, (_, start, end) => `${start}\n\n${content}\n\n${end}`);
}
