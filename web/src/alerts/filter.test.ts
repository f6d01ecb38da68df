import { describe, expect, it } from 'vitest'
import { anAlert } from '../testing'
import { filtered, isFiltering, NO_FILTER } from './filter'
import { order } from './order'

const at = (n: number) => `第${n}网格`
const place = (n: number, address: string) => ({ grid: at(n), address }) as never
const cases = [
  anAlert({ id: 'red', level: 'red', place: place(5, '银杏小区 3 幢') }),
  anAlert({ id: 'bed', level: 'yellow', kind: 'bed', place: place(5, '银杏小区 9 幢') }),
  anAlert({ id: 'vitals', level: 'yellow', kind: 'vitals', place: place(3, '南大街 8 弄') }),
  anAlert({ id: 'mine', level: 'yellow', kind: 'vitals', state: 'acknowledged', owner: { id: 's01', name: '陈敏芝' }, place: place(3, '南大街 9 弄') }),
  anAlert({ id: 'blue', level: 'blue', kind: 'device', place: place(5, '银杏小区 1 幢') }),
]
const left = (filter: Partial<typeof NO_FILTER>, me: string | null = 's01') => {
  const { queue, hidden } = filtered(order(cases, me), { ...NO_FILTER, ...filter }, me)
  return [[...queue.lane, ...queue.yellow, ...queue.inHand, ...queue.blue].map((one) => one.id).sort(), hidden]
}

describe('what of the queue is wanted', () => {
  it('everything, when nothing is said', () => {
    expect(isFiltering(NO_FILTER)).toBe(false)
    expect(left({ text: '  ' })).toEqual([['bed', 'blue', 'mine', 'red', 'vitals'], 0])
  })
  it.each([
    ['a grid', { grid: at(3) }, ['mine', 'red', 'vitals']],
    ['a kind', { kind: 'vitals' }, ['mine', 'red', 'vitals']],
    ['words', { text: ' 8 弄' }, ['red', 'vitals']],
    ['one’s own', { mine: true }, ['mine', 'red']],
    ['all of them together', { grid: at(5), kind: 'bed', text: '银杏' }, ['bed', 'red']],
    ['what nothing fits', { grid: at(14) }, ['red']],
  ])('%s: the rest is counted, and a red always stays', (_name, filter, ids) => {
    expect(left(filter)).toEqual([ids, 5 - ids.length])
  })
  it('how many fit is said, reds among them', () => {
    const hits = (text: string) => filtered(order(cases, null), { ...NO_FILTER, text }, null).hits
    expect([hits('银杏'), hits('8 弄'), hits('zzz')]).toEqual([3, 1, 0])
  })
  it('who owns nothing has nothing of their own', () => {
    expect(left({ mine: true }, null)).toEqual([['red'], 4])
  })
})
