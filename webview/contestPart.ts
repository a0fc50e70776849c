/** The contest, where one was held; one click shows another of its candidates. */
import { sameQuestion } from '../src/config/measured';
import type { Contest } from '../src/config/types';
import { contestTable } from './contest';
import { h } from './dom';
import { editOf } from './edit';
import { t } from './l10n';
import { planQuestion, planWinner } from './objective';
import type { Part } from './part';
import type { Plan } from './protocol';
import type { PanelRequest } from './protocol';
import type { Store } from './store';

export function contestPart(
  store: Store,
  document: Document,
  request: (request: PanelRequest) => Promise<boolean>,
): Part {
  const room = h(document, 'div', { class: 'contest-room' });
  const title = h(document, 'h2', { id: 'ompq-contest-title' }, t('Measured contest'));
  const element = h(
    document,
    'section',
    { class: 'card', hidden: true, 'aria-labelledby': 'ompq-contest-title' },
    h(document, 'div', { class: 'card-head' }, title),
    room,
  );
  let drawn = '';

  function draw(): void {
    const { state, plan } = store;
    element.hidden = !state?.contest || !plan;
    if (!state?.contest || !plan) return;
    const { contest } = state;
    const isPast = contest.asked !== undefined && !sameQuestion(contest.asked, planQuestion(plan));
    const chosen = planWinner(plan, contest)?.name ?? null;
    const key = JSON.stringify([contest, chosen, isPast]);
    if (key === drawn) return;
    drawn = key;
    room.replaceChildren(
      contestTable({ contest, chosen, isPast }, document, { adopt, measureAgain: () => void again() }),
    );
  }

  /** With everything that the candidate was measured with, so that its very bits are shown. */
  function adopt(name: string): void {
    const { plan, state } = store;
    if (!plan || !state?.contest) return;
    store.commit({ ...plan, ...askedBy(state.contest.asked), objective: 'auto', chosen: name });
  }

  async function again(): Promise<void> {
    const edit = store.unwritten ? editOf(store) : null;
    if (edit && !(await request({ type: 'write', edit }))) return;
    await request({ type: 'measureAgain' });
  }

  store.subscribe((change) => {
    if (change === 'state' || change === 'solution') draw();
  });
  return { element };
}

function askedBy(asked: Contest['asked']): Partial<Plan> {
  if (!asked) return {};
  const { budget, widths, pin, limits = {} } = asked;
  return { budget, widths, pins: pin, limits };
}
