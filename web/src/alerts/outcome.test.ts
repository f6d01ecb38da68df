import { describe, expect, it } from 'vitest'
import { anAlert } from '../testing'
import type { ScriptQuestion } from '../api/types'
import { closeBody, freshDraft, isNotReached, likelyFirst, missing, needsReference, offered, type Offer } from './outcome'

const NOTHING: Offer = { cause: '', verification: '', actions: [], outcome: '', truth: '' }
const cooking = freshDraft({ cause: 'C02', verification: 'V1', actions: ['A1'], outcome: 'O1', truth: 'avoidable' })
const words = (reference: string | null) => `回执号：${reference ?? '未给'}`

describe('closing a case', () => {
  it('cooking answers leave nothing to fill in', () => {
    expect(missing('red', cooking)).toEqual([])
    expect(closeBody(cooking, words)).toEqual({ cause: 'C02', verification: 'V1', actions: ['A1'], outcome: 'O1', truth: 'avoidable', note: '' })
  })
  it.each(['red', 'yellow'] as const)('a %s case names each of the fields it lacks', (level) => {
    expect(missing(level, freshDraft(NOTHING))).toEqual(['cause', 'verification', 'actions', 'outcome', 'truth'])
  })
  it('a blue case may close with nothing', () => {
    expect(missing('blue', freshDraft(NOTHING))).toEqual([])
    expect(closeBody(freshDraft(NOTHING), words)).toEqual({ note: '' })
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

describe('what is chosen beforehand', () => {
  const ask = (id: string, offer: ScriptQuestion['offer'] = null): ScriptQuestion => ({ id, ask: id, yes: null, no: null, after_yes: null, after_no: null, offer }) as ScriptQuestion
  const mistake = ask('mistake', { yes: { cause: 'C12', actions: ['A1'], outcome: 'O1', truth: 'unavoidable' }, no: { cause: 'C11', actions: ['A1'] } })
  const fell = ask('fell', { yes: { cause: 'C08', actions: [], truth: 'real' } })
  const hurt = ask('hurt', { yes: { cause: 'C07', actions: [], truth: 'real' } })
  const call = (to: string, result: string) => ({ to, result, at: '2026-05-23T04:16:30Z' })
  const says = (yes: boolean) => ({ yes, at: '2026-05-23T04:16:40Z' })

  it('what the service hears by itself bears out that a silent desk or a dark home is back, unless somebody was there', () => {
    const desk = { kind: 'device' as const, at_centre: true, contacts: [] as never[] }
    expect(offered(anAlert({ ...desk, condition: 'active' }), [], {}).verification).toBe('')
    expect(offered(anAlert({ ...desk, condition: 'cleared' }), [], {}).verification).toBe('V6')
    expect(offered(anAlert({ ...desk, condition: 'active', called: [call('desk', 'answered')] }), [], {}).verification).toBe('V1')
    expect(offered(anAlert({ kind: 'device', condition: 'cleared' }), [], {}).verification).toBe('V6')
    expect(offered(anAlert({ kind: 'device', condition: 'cleared', called: [call('home', 'answered')] }), [], {}).verification).toBe('V1')
    expect(offered(anAlert({ kind: 'smoke', condition: 'cleared' }), [], {}).verification).toBe('')
  })
  it('the likely causes stand first and the others after them in their order; at the centre nobody is asked for a neighbour first', () => {
    const codes = ['C01', 'C02', 'C03', 'C07', 'C10'].map((code) => ({ code }))
    const words = (list: { code: string }[]) => list.map((one) => one.code).join(' ')
    const smoke = anAlert({ script: { title: '', steps: [], questions: [], causes: ['C02', 'C03', 'C01'] } as never })
    expect(words(likelyFirst(smoke, 'cause', codes))).toBe('C02 C03 C01 C07 C10')
    expect(words(likelyFirst(anAlert(), 'cause', codes))).toBe('C01 C02 C03 C07 C10')
    const ways = ['V1', 'V2', 'V3', 'V4', 'V5', 'V6'].map((code) => ({ code }))
    expect(words(likelyFirst(anAlert({ at_centre: true }), 'verification', ways))).toBe('V6 V4 V1 V2 V3 V5')
    expect(words(likelyFirst(smoke, 'verification', ways))).toBe('V1 V2 V3 V4 V5 V6')
  })
  it('nothing, when nobody was heard of', () => {
    expect(offered(anAlert({ called: [call('home', 'no_answer')] }), [fell, mistake], {})).toEqual(NOTHING)
  })
  it('the reference case: cooking, told on the telephone', () => {
    const kitchen = ask('cooking', { yes: { cause: 'C02', actions: ['A1'], outcome: 'O1', truth: 'avoidable' } })
    expect(offered(anAlert({ called: [call('home', 'answered')] }), [kitchen], { cooking: says(true) })).toEqual({ cause: 'C02', verification: 'V1', actions: ['A1'], outcome: 'O1', truth: 'avoidable' })
  })
  it('somebody who said that they fell is no mistake, and not yet well, whatever comes after', () => {
    const offer = offered(anAlert(), [fell, mistake], { fell: says(true), mistake: says(true) })
    expect(offer).toMatchObject({ cause: 'C08', outcome: '', truth: 'real' })
  })
  it('a danger that comes to light takes a comforting outcome back', () => {
    expect(offered(anAlert(), [mistake, hurt], { mistake: says(true), hurt: says(true) })).toMatchObject({ cause: 'C07', outcome: '', truth: 'real' })
  })
  it('an answer without a judgement fills in only what is open', () => {
    expect(offered(anAlert(), [hurt, mistake], { hurt: says(true), mistake: says(false) })).toMatchObject({ cause: 'C07', truth: 'real', actions: ['A1'] })
  })
  it('who was there, who was reached and which service was called is read from the case', () => {
    const there = { id: 's07', name: '林国平', state: 'arrived' as const, at: '2026-05-23T04:20:00Z', arrived_at: '2026-05-23T04:20:00Z' }
    expect(offered(anAlert({ called: [call('120', 'answered'), call('119', 'busy')], responders: [there] as never }), [], {})).toEqual({ ...NOTHING, verification: 'V4', actions: ['A2', 'A3'] })
    expect(offered(anAlert({ called: [call('c1', 'answered')], contacts: [{ id: 'c1', name: '周女士', relation: '女儿', phone: '1' }] as never, responders: [] }), [], {}).verification).toBe('V2')
  })
  it('what the devices have shown stands first', () => {
    expect(offered(anAlert({ script: { title: '燃气', steps: [], suggest: { cause: 'C05', actions: [], truth: 'real' } } as never }), [mistake], { mistake: says(true) })).toMatchObject({ cause: 'C05', truth: 'real', outcome: '' })
  })
})
