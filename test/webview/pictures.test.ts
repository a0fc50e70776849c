import { describe, expect, it } from 'vitest';
import { details, type DetailsData } from '../../webview/details';
import { certificate, footnote, title, warnings, type HeaderData } from '../../webview/header';
import { tiles } from '../../webview/tiles';
import { legend } from '../../webview/legend';
import { pareto } from '../../webview/pareto';
import { totalsOf } from '../../webview/totals';
import { BIT_WIDTHS } from '../../src/core/problem/widths';
import type { MeasuredFile } from '../../src/config/measured';
import type { Contest, ContestEntry } from '../../src/config/types';
import { contestTable } from '../../webview/contest';
import type { PanelState } from '../../webview/protocol';
import { contested, scored, unscored } from './support/networks';

const html = (element: Element): string => element.outerHTML.replaceAll('><', '>\n<');
// pictures must not change with the solver: bits and certificate are given
const state: PanelState = {
  ...scored(15),
  functions: scored(15).functions.map((f, i) => ({ ...f, bits: BIT_WIDTHS[i % 7] })),
  solver: { status: 'optimal', objective: 56.6, bound: 56.6, gap: 0 },
};
const totals = totalsOf(
  state,
  state.functions.map((f) => f.bits),
);
const measured = {
  agreement: 0.97,
  kl: 0.05,
  sqnrDb: 20,
  verdict: 'fair' as const,
  top1: null,
  note: '64 inputs without labels; rounding: nearest',
};
const head: HeaderData = {
  state,
  totals,
  solver: state.solver,
  measured,
  objective: 'noise-aware',
  problem: false,
  isImproved: false,
  unwritten: true,
};
const use = (): HTMLElement => document.createElement('button');

describe('header', () => {
  it('names the model, its layers and what is not written yet, and shows size, average bits, BOPs, solution and scoring before and after', () => {
    expect(html(title(head, document, () => undefined))).toMatchSnapshot();
    expect(html(tiles(head, document))).toMatchSnapshot();
    expect(html(footnote(head, document)!)).toMatchSnapshot();
  });

  it('tells the measured quality first, and the solution only in a footnote', () => {
    const drawn = tiles(head, document);
    expect(drawn.querySelector('dt')?.textContent).toBe('Quality');
    expect(drawn.querySelector('dd')?.textContent).toContain('3.0 % of the answers change');
    expect(drawn.textContent).not.toMatch(/optimal/i);
    expect(footnote(head, document)?.textContent).toBe('Proven optimal for “Least noise”.');
  });

  it('prefers the accuracy where labels were there', () => {
    const labelled = { ...measured, top1: [0.912, 0.897] as [number, number] };
    expect(tiles({ ...head, measured: labelled }, document).querySelector('strong')?.textContent).toBe(
      'top-1 91 % → 90 %',
    );
  });

  it('does not pass off what nobody measured', () => {
    const drawn = tiles({ ...head, measured: null }, document);
    expect(drawn.querySelector('dd strong')?.textContent).toBe('not measured');
  });

  it('never looks optimal where the settings have no solution', () => {
    const stuck = { ...head, problem: true };
    expect(tiles(stuck, document).querySelector('dd strong')?.textContent).toBe('no solution');
    expect(footnote(stuck, document)).toBeNull();
  });

  it('warns of poor quality with the smallest budget that mends it', () => {
    const point = (averageBits: number, agreement: number): MeasuredFile => ({
      bytes: averageBits * 2e5,
      averageBits,
      kl: null,
      agreement,
      sqnrDb: null,
    });
    const contest = { ...contested(15).contest!, curve: [point(8, 1), point(6, 0.98), point(5, 0.6)] };
    const poor = { ...measured, agreement: 0.02, verdict: 'poor' as const };
    const data = { ...head, state: { ...state, contest }, measured: poor };
    let used: MeasuredFile | undefined;
    const drawn = warnings(data, document, (entry) => {
      used = entry;
      return use();
    });
    const now = totals!.averageBits.toFixed(2);
    expect(drawn?.textContent).toContain(
      `Too few bits. At ${now} bits on average: 98 % of the answers change. At 6 bits on average: 2.0 % of the answers change.`,
    );
    expect(used?.averageBits).toBe(6);
  });

  it('shows the size alone before anything is allocated', () => {
    const plain = unscored(15);
    const drawn = tiles(
      { ...head, state: plain, totals: null, solver: null, measured: null, unwritten: false },
      document,
    );
    expect([...drawn.querySelectorAll('dt')].map((dt) => dt.textContent)).toEqual(['Size']);
  });

  it('says what quality a size was found for, until something else is on show', () => {
    const asked = { ...head, state: { ...state, quality: { kl: 0.05, measured: 0.048 } } };
    expect(tiles({ ...asked, unwritten: false }, document).textContent).toContain(
      'the smallest found with KL divergence <= 0.05 nats; measured 0.048 nats',
    );
    expect(tiles(asked, document).textContent).not.toContain('the smallest found');
  });

  it('counts BOPs with the bits of the activations that a function has', () => {
    const searched = {
      ...state,
      functions: state.functions.map((f, i) => ({ ...f, activationBits: i === 0 ? 4 : 8 })),
    };
    const bits = state.functions.map((f) => f.bits);
    const { bops } = totalsOf(searched, bits)!;
    const expected = searched.functions.reduce((sum, f) => sum + f.macs! * f.bits! * f.activationBits, 0);
    expect(bops).toBe(expected);
    const drawn = tiles({ ...head, state: searched, totals: totalsOf(searched, bits) }, document);
    expect(drawn.innerHTML).toContain('4 to 8 activation bits');
  });

  it('is loud about synthetic calibration, and silent without cause', () => {
    expect(warnings(head, document, use)).toBeNull();
    const synthetic = { ...state, scoring: { ...state.scoring!, synthetic: true } };
    const flag = warnings({ ...head, state: synthetic }, document, use);
    expect(flag?.getAttribute('role')).toBe('alert');
    expect(flag?.textContent).toContain('Synthetic calibration');
  });

  it('claims no optimum for bits that were edited by hand, and says how far they are over the budget', () => {
    const edited = { ...state, edited: [state.functions[0].name] };
    const words = (averageBits: number): string => {
      const settings = { ...edited.settings!, budget: { averageBits } };
      const data = { ...head, state: { ...edited, settings }, solver: null };
      return footnote(data, document)?.textContent ?? '';
    };
    const used = head.totals!.averageBits;
    expect(words(used + 1)).toBe('1 layer edited by hand');
    expect(words(used / 1.1)).toMatch(/1 layer edited by hand: 10\.0 % over the budget/);
    expect(words(used)).not.toMatch(/optimal|feasible/);
  });

  it('says what a certificate proves', () => {
    const solver = { objective: 12, bound: 12, gap: 0 };
    expect(certificate({ ...solver, status: 'optimal' })).toMatch(
      /^Proven optimal: objective 12.0, bound 12.0/,
    );
    expect(certificate({ ...solver, status: 'feasible', gap: 0.02 })).toMatch(
      /not proven optimal.*gap 0.0200/,
    );
  });
});

describe('totals', () => {
  it('add up what the file will weigh', () => {
    const bytes = state.functions.reduce((sum, f) => sum + f.bytes[f.bits!], state.fixedBytes);
    expect(totals?.sizeBytes).toBe(bytes);
    const macs = state.functions.reduce((sum, f) => sum + f.macs!, 0);
    expect(totals?.floatBops).toBe(macs * 1024);
  });

  it('leave BOPs open where one spatial size is open', () => {
    const open = { ...state, functions: state.functions.map((f, i) => (i === 3 ? { ...f, macs: null } : f)) };
    const bits = open.functions.map((f) => f.bits);
    expect(totalsOf(open, bits)).toMatchObject({ macs: null, bops: null, floatBops: null });
    expect(totalsOf(open, [...bits.slice(1), null])).toBeNull();
  });
});

const card: DetailsData = {
  function: state.functions[5],
  index: 5,
  count: 15,
  bits: 6,
  importance: 0.7,
  fixedBy: 'lock',
  tied: ['/other/Conv'],
  widths: [2, 4, 6, 8],
  total: 358_000,
};

describe('details', () => {
  it('shows a layer with its place, lock and tie, its numbers, and bytes and noise at each width that it may take', () => {
    expect(html(details(card, document, () => undefined))).toMatchSnapshot();
  });

  it('locks at a width and unlocks', () => {
    const chosen: (number | null)[] = [];
    const buttons = details(card, document, (bits) => chosen.push(bits)).querySelectorAll('button');
    buttons[1].click();
    buttons[4].click();
    expect(chosen).toEqual([4, null]);
  });

  it('only shows where nothing can be changed', () => {
    const drawn = details({ ...card, fixedBy: null }, document);
    expect([...drawn.querySelectorAll('button')].every((b) => b.disabled)).toBe(true);
  });

  it('shows names as text, whatever a model file calls its nodes', () => {
    const name = '<img src=x onerror=alert(1)>';
    const drawn = details({ ...card, function: { ...card.function, name } }, document);
    expect(drawn.querySelector('img')).toBeNull();
    expect(drawn.querySelector('h2')?.textContent).toBe(name);
  });
});

describe('legend', () => {
  it('counts the layers of each width and explains every mark: importance, area, pins, locks, layers left float', () => {
    const data = {
      bits: [8, 2, 2, null],
      pins: 1,
      locks: 1,
      skipped: state.skipped,
      decider: { name: 'noise', meaning: 'Noise at 4 bits' },
      area: true,
    } as const;
    expect(html(legend({ ...data, skipped: [...data.skipped] }, document))).toMatchSnapshot();
  });
});

describe('pareto', () => {
  const frontier = {
    size: Float64Array.from({ length: 8 }, (_, i) => 1e5 * (i + 1)),
    objective: Float64Array.from({ length: 8 }, (_, i) => Math.sqrt(i + 1)),
    isComplete: true,
  };
  const data = {
    frontier,
    current: { sizeBytes: 4e5, objective: 2 },
    measured: [{ sizeBytes: 6.5e5, text: '98 % same' }],
    isNoise: false,
    range: { smallest: 1e5, largest: 8e5 },
    width: 400,
    height: 200,
  };

  it('puts the words of a point near the left edge to its right, where they are not cut off', () => {
    const at = (sizeBytes: number): string | null => {
      const drawn = pareto({ ...data, measured: [{ sizeBytes, text: '5.0 % change' }] }, document);
      return drawn.querySelector('.tried-text')!.getAttribute('text-anchor');
    };
    expect(at(1.2e5)).toBe('start');
    expect(at(6.5e5)).toBe('end');
  });

  it('draws the curve of optima from the smallest to the largest file, with a point where the allocation stands', () => {
    expect(html(pareto(data, document))).toMatchSnapshot();
  });

  it('brings no style element that the CSP would refuse', () => {
    expect(pareto(data, document).querySelector('style')).toBeNull();
  });

  it('tells a screen reader where the allocation stands', () => {
    expect(pareto(data, document).getAttribute('aria-label')).toBe(
      'Curve of sizes from 100.0 KB to 800.0 KB, each with its best bits. The bits on show take 400.0 KB. Measured: 98 % same at 650.0 KB.',
    );
  });

  it('stands without a curve while it is sought', () => {
    const drawn = pareto({ ...data, frontier: null }, document);
    expect(drawn.querySelector('.here')).not.toBeNull();
    expect(drawn.querySelector('.current')).toBeNull();
    const empty = pareto({ ...data, frontier: null, current: null }, document);
    expect(empty.querySelector('.frontier path, .here, .current')).toBeNull();
  });

  it('draws twenty thousand optima as no more points than can be told apart', () => {
    const size = Float64Array.from({ length: 20_000 }, (_, i) => 1e5 + 35 * i);
    const many = { size, objective: size.map(Math.sqrt), isComplete: true };
    const path = pareto({ ...data, frontier: many }, document).querySelector('.frontier path')!;
    const corners = path.getAttribute('d')!.split('L').length;
    expect(corners).toBeGreaterThan(500);
    expect(corners).toBeLessThan(2000);
  });

  it('shows estimated noise without numbers, higher is better', () => {
    const noise = {
      size: frontier.size,
      objective: frontier.size.map((size) => -1e5 / size),
      isComplete: true,
    };
    const drawn = pareto(
      { ...data, isNoise: true, frontier: noise, current: { sizeBytes: 4e5, objective: -0.1 } },
      document,
    );
    // the measured points have the only numbers: two different dB for one size would say two things
    expect(drawn.textContent).not.toMatch(/dB|\b10\b/);
    expect(html(drawn)).toMatchSnapshot();
  });
});

describe('contest', () => {
  const idle = { adopt: () => undefined, measureAgain: () => undefined };
  const contest: Contest = {
    rounding: 'nearest',
    samples: 64,
    heldOut: true,
    chosen: 'noise-aware',
    candidates: [
      { name: 'uniform', objective: 'uniform', kl: 0.2, agreement: 0.9, sqnrDb: 12.3 },
      { name: 'noise-aware', objective: 'noise-aware', kl: 0.05, agreement: 0.97, sqnrDb: 20 },
      { name: 'orthogonality', objective: 'orthogonality', kl: 0.3, agreement: 0.8, sqnrDb: 9 },
    ].map(
      (entry, i) => ({ ...entry, bytes: 4e5, averageBits: 4, bits: [8, 4, 4, 2 + i, 8] }) as ContestEntry,
    ),
  };

  it('draws what it always drew, the best first', () => {
    const drawn = contestTable({ contest, chosen: 'noise-aware', isPast: false }, document, idle);
    expect([...drawn.querySelectorAll('tbody th')].map((th) => th.textContent)).toEqual([
      'Least noise',
      'Uniform',
      'Orthogonality (the paper)',
    ]);
    expect(html(drawn)).toMatchSnapshot();
  });

  it('adopts another candidate', () => {
    const adopted: string[] = [];
    const drawn = contestTable({ contest, chosen: 'noise-aware', isPast: false }, document, {
      ...idle,
      adopt: (name) => adopted.push(name),
    });
    expect(drawn.querySelectorAll('button')).toHaveLength(2);
    drawn.querySelectorAll('button')[0].click();
    expect(adopted).toEqual(['uniform']);
  });

  it('shows candidates with the same bits once, under both names', () => {
    const twin = {
      ...contest.candidates[1],
      name: 'orthogonality-noise',
      objective: 'orthogonality-noise' as const,
    };
    const twice = { ...contest, candidates: [...contest.candidates, twin] };
    const drawn = contestTable({ contest: twice, chosen: 'noise-aware', isPast: false }, document, idle);
    expect([...drawn.querySelectorAll('tbody th')].map((th) => th.textContent)).toContain(
      'Least noise = Least noise × orthogonality',
    );
    expect(drawn.querySelectorAll('tbody tr')).toHaveLength(3);
  });

  it('says at what budget it was measured once another is asked, and offers to measure again', () => {
    const asked = { budget: { averageBits: 4 }, widths: [2, 4, 8] as (2 | 4 | 8)[], pin: null };
    let again = 0;
    const drawn = contestTable(
      { contest: { ...contest, asked }, chosen: 'noise-aware', isPast: true },
      document,
      {
        ...idle,
        measureAgain: () => again++,
      },
    );
    expect(drawn.querySelector('table')?.className).toContain('past');
    expect(drawn.querySelector('.past-note')?.textContent).toContain('Measured at 4 bits on average');
    drawn.querySelector<HTMLButtonElement>('.past-note button')?.click();
    expect(again).toBe(1);
  });

  it('says how far uniform stays below the budget', () => {
    const [uniform, ...others] = contest.candidates;
    const smaller = { ...contest, candidates: [{ ...uniform, bytes: 3e5 }, ...others] };
    const drawn = contestTable({ contest: smaller, chosen: 'noise-aware', isPast: false }, document, idle);
    expect(drawn.textContent).toContain('Uniform (25 % smaller: one width for all)');
  });
});
