import { describe, expect, it } from 'vitest'
import { closeBody, freshDraft, isNotReached, missing, needsReference } from './outcome'

const cooking = freshDraft({ cause: 'C02', verification: 'V1', actions: ['A1'], outcome: 'O1', truth: 'avoidable' })
const words = (reference: string | null) => `回执号：${reference ?? '未给'}`

describe('closing a case', () => {
  it('cooking answers leave nothing to fill in', () => {
    expect(missing('red', cooking)).toEqual([])
    expect(closeBody(cooking, words)).toEqual({ cause: 'C02', verification: 'V1', actions: ['A1'], outcome: 'O1', truth: 'avoidable', note: '' })
  })
  it.each(['red', 'yellow'] as const)('a %s case names each of the fields it lacks', (level) => {
    expect(missing(level, freshDraft(null))).toEqual(['cause', 'verification', 'actions', 'outcome', 'truth'])
  })
  it('a blue case may close with nothing', () => {
    expect(missing('blue', freshDraft(null))).toEqual([])
    expect(closeBody(freshDraft(null), words)).toEqual({ note: '' })
  })
  it('somebody nobody reached can not be closed', () => {
    expect(isNotReached({ ...cooking, outcome: 'O5' })).toBe(true)
    expect(isNotReached(cooking)).toBe(false)
  })
  it('119 and 120 need their number, or the word that none was given', () => {
    const called = { ...cooking, actions: ['A4'] }
    expect(needsReference(called)).toBe(true)
    expect(missing('red', called)).toEqual(['reference'])
    expect(missing('red', { ...called, noReference: true })).toEqual([])
    expect(closeBody({ ...called, reference: '119-42', note: '已转' }, words)['note']).toBe('回执号：119-42；已转')
    expect(closeBody({ ...called, noReference: true }, words)['note']).toBe('回执号：未给')
  })
})
