import { describe, expect, it } from 'vitest'
import type { Alert } from '../api/types'
import { anAlert, at, NOON } from '../testing'
import { doorOf } from './words'
import { byCause, chooseHero, openedAt, order, walk, type HeroQuestion } from './order'

const me = { id: 's01', name: '陈敏芝' }
const her = { id: 's02', name: '方静' }
const red = (id: string, waits: number, more: Partial<Alert> = {}) => anAlert({ id, raised_at: at(waits), ...more })
const yellow = (id: string, waits: number, more: Partial<Alert> = {}) => red(id, waits, { level: 'yellow', ...more })
const blue = (id: string, waits: number) => red(id, waits, { level: 'blue' })
const taken = { state: 'acknowledged', owner: me } as const
const ids = (list: readonly Alert[]) => list.map((one) => one.id)

describe('the queue', () => {
  it('puts waiting reds first, oldest first, then taken reds without action, yellow by age, mine, others’, blue', () => {
    const queue = order([
      blue('b', 900), yellow('y-new', 5), yellow('hers', 100, { state: 'acknowledged', owner: her }), yellow('mine', 50, taken),
      red('quiet', 300, taken), red('young', 3), red('old', 40), yellow('y-old', 200),
      red('acted', 500, { ...taken, called: [{ to: 'home', result: 'answered' }] }),
    ], 's01')
    expect(ids(walk(queue))).toEqual(['old', 'young', 'quiet', 'y-old', 'y-new', 'acted', 'mine', 'hers', 'b'])
    expect(ids(queue.lane)).toEqual(['old', 'young', 'quiet'])
    expect(queue.counts).toEqual({ red: 4, yellow: 4, blue: 1 })
  })

  it('nothing pushes a waiting red from the first place, however many come', () => {
    const storm = Array.from({ length: 500 }, (_, n) => (n % 2 ? yellow(`y${n}`, 1000 + n) : blue(`b${n}`, 2000 + n)))
    expect(walk(order([...storm, red('r', 1)], null))[0]?.id).toBe('r')
  })

  it('a case that was taken and then left alone is back in the lane', () => {
    const queue = order([red('r', 90, { ...taken, resumed: true })], 's01')
    expect(ids(queue.waitingRed)).toEqual(['r'])
  })

  it('a red to which nobody came in time is back in the lane, behind those nobody has', () => {
    const sent = { ...taken, state: 'dispatched', overdue: true } as const
    const queue = order([red('late', 900, sent), red('new', 3), red('going', 700, { ...taken, state: 'dispatched' }), yellow('visit', 8_000, sent)], 's01')
    expect(ids(queue.lane)).toEqual(['new', 'late'])
    expect(ids(queue.inHand)).toEqual(['going', 'visit'])
  })

  it('a case opened again waits from then on', () => {
    const ladder = [{ step: 1, at_seconds: 30, due_at: at(-20), label: '全部值班席', state: 'next' as const }]
    expect(openedAt(red('r', 1800, { ladder }))).toBe(NOON - 10_000)
  })
})

it('the room stands beside the building, the unit apart', () => {
  expect(doorOf({ unit_room: '2 单元 402' })).toEqual({ unit: '2 单元', room: '402 室' })
  expect(doorOf({ unit_room: '8 弄 102' })).toEqual({ unit: '', room: '8 弄 102' })
  expect(doorOf({ unit_room: '402 室' })).toEqual({ unit: '', room: '402 室' })
  expect(doorOf(null)).toEqual({ unit: '', room: '' })
})

describe('the centre', () => {
  const ask = (alerts: Alert[], more: Partial<HeroQuestion> = {}) => {
    const queue = order(alerts, 's01')
    return chooseHero({ queue, open: new Map(alerts.map((one) => [one.id, one])), selection: null, busy: false, mine: 's01', arrived: new Map(queue.waitingRed.map((one) => [one.id, 1_000])), ...more })
  }

  it('is calm without a red', () => {
    expect(ask([yellow('y', 5)]).mode).toBe('calm')
  })
  it('shows one red in full, two to four side by side, more as the four oldest', () => {
    expect(ask([red('a', 5)])).toMatchObject({ mode: 'one', ids: ['a'] })
    expect(ask([red('a', 5), red('b', 9)])).toMatchObject({ mode: 'grid', ids: ['b', 'a'], others: 0 })
    const six = ask([1, 2, 3, 4, 5, 6].map((n) => red(`r${n}`, n)))
    expect(six).toMatchObject({ mode: 'grid', ids: ['r6', 'r5', 'r4', 'r3'], others: 2 })
  })
  it('never changes under a person who has taken a red and is dealing with it; the new one is counted', () => {
    const hero = ask([red('mine', 60, taken), red('new', 1)], { selection: { id: 'mine', at_ms: 500 } })
    expect(hero).toMatchObject({ mode: 'one', ids: ['mine'], others: 1 })
  })
  it('a new red takes the centre from a yellow that was only looked at', () => {
    expect(ask([yellow('y', 60), red('new', 1)], { selection: { id: 'y', at_ms: 500 } })).toMatchObject({ mode: 'one', ids: ['new'] })
  })
  it('a red that was chosen while it waits stays under the key, though another comes or comes back', () => {
    const hero = ask([red('chosen', 60), red('again', 1)], { selection: { id: 'chosen', at_ms: 500 } })
    expect(hero).toMatchObject({ mode: 'one', ids: ['chosen'], others: 1 })
  })
  it('what a person chose after the red came stays', () => {
    expect(ask([yellow('y', 60), red('r', 5)], { selection: { id: 'y', at_ms: 2_000 } })).toMatchObject({ ids: ['y'], others: 1 })
  })
  it('a form in progress keeps its case', () => {
    expect(ask([yellow('y', 60), red('new', 1)], { selection: { id: 'y', at_ms: 500 }, busy: true })).toMatchObject({ ids: ['y'], others: 1 })
  })
  it('after all are taken it shows mine before others’', () => {
    expect(ask([red('hers', 90, { state: 'acknowledged', owner: her }), red('mine', 60, taken)])).toMatchObject({ ids: ['mine'] })
  })
})

describe('in a flood', () => {
  const waits = (id: string, minutes: number, cause: string, more: Partial<Alert> = {}) => anAlert({ id, level: 'yellow', cause, raised_at: new Date(NOON - minutes * 60_000).toISOString(), ladder: [], ...more })
  const cases = [waits('w1', 9, 'water'), waits('b1', 8, 'bed'), waits('w2', 3, 'water'), waits('d1', 2, 'device:a', { level: 'blue' }), waits('d2', 1, 'device:b', { level: 'blue' }), waits('r', 1, 'water', { level: 'red' })]

  it('what waits stands by its cause, of whatever home, and a red stays in its lane', () => {
    const queue = order(cases, null, true)
    expect(queue.lane.map((one) => one.id)).toEqual(['r'])
    expect(byCause(queue.yellow).map((group) => group.map((one) => one.id))).toEqual([['w1', 'w2'], ['b1']])
    expect(byCause(queue.blue).map((group) => group.map((one) => one.id))).toEqual([['d1', 'd2']])
    expect(walk(queue).map((one) => one.id)).toEqual(['r', 'w1', 'w2', 'b1', 'd1', 'd2'])
  })
  it('a wall folds by what it is told in the place of causes', () => {
    const told = cases.map((one) => ({ ...one, group: one.cause!.split(':')[0] === 'water' ? '1f' : '2e', cause: null, code: '' }))
    expect(byCause(order(told, null, true).yellow).map((group) => group.map((one) => one.id))).toEqual([['w1', 'w2'], ['b1']])
  })
  it('and by its age when it is calm', () => expect(order(cases, null).yellow.map((one) => one.id)).toEqual(['w1', 'b1', 'w2']))
})
