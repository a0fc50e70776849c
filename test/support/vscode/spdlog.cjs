// Stands in for the native logger of an older VS Code: its extension host waits for ever for log files that nobody writes.
const { appendFileSync, mkdirSync } = require('node:fs');
const { dirname } = require('node:path');

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'critical'];
const nothing = () => undefined;

class Logger {
  constructor(_type, _name, file) {
    mkdirSync(dirname(file), { recursive: true });
    appendFileSync(file, '');
    for (const level of LEVELS) this[level] = (text) => appendFileSync(file, `${text}\n`);
    for (const other of ['flush', 'drop', 'setLevel', 'clearFormatters', 'setPattern']) this[other] = nothing;
  }

  getLevel() {
    return LEVELS.indexOf('info');
  }
}

const create = (name, file) => Promise.resolve(new Logger('', name, file));

module.exports = {
  Logger,
  version: 0,
  setLevel: nothing,
  setFlushOn: nothing,
  createRotatingLogger: create,
  createAsyncRotatingLogger: create,
};
