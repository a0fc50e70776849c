/** Names every test that failed and passed when it was tried again, with why it failed: no retry is silent. */
export default class Retried {
  onTestCaseResult(test) {
    const { retryCount = 0 } = test.diagnostic() ?? {};
    const { state, errors = [] } = test.result();
    if (retryCount === 0 || state !== 'passed') return;
    const reasons = errors.map(({ message }) => `    ${message.split('\n', 1)[0]}`);
    console.log(
      ['', `RETRIED  ${test.fullName}: passed at attempt ${retryCount + 1}`, ...reasons].join('\n'),
    );
  }
}
