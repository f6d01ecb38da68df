import { describe, expect, it } from 'vitest'
import { aPicture, aSnapshot, anAlert, at, NOON } from '../testing'
import { EMPTY, position, reduce, type LiveEvent } from './reduce'

const said = (seq: number, value = anAlert(), epoch = 'e1'): LiveEvent => ({ name: 'alert', id: `${epoch}.${seq}`, local_ms: NOON + 100, value })
const beat = (head: number, epoch = 'e1', local_ms = NOON + 5_000): LiveEvent => ({
  name: 'hb', local_ms, value: { epoch, head, now: new Date(local_ms).toISOString(), ingest_age: 0.3 },
})

describe('the numbers of the channel', () => {
  it('applies the next event and moves the head', () => {
    const picture = reduce(aPicture(), said(11))
    expect([...picture.alerts.keys()]).toEqual(['a317'])
    expect(picture).toMatchObject({ head: 11, resync: false })
  })

  it('an event told twice changes nothing', () => {
    const once = reduce(aPicture(), said(11))
    expect(reduce(once, said(11, anAlert({ title: '另一个' }))).alerts).toBe(once.alerts)
  })

  it('a missing number asks for a snapshot and nothing is applied until it comes', () => {
    const gap = reduce(aPicture(), said(12))
    expect(gap.resync).toBe(true)
    expect(gap.alerts.size).toBe(0)
    const still = reduce(gap, said(13))
    expect(still.alerts.size).toBe(0)
    const healed = reduce(still, { name: 'snapshot', local_ms: NOON + 200, value: aSnapshot({ head: 13, alerts: [anAlert()] }) })
    expect(healed).toMatchObject({ resync: false, head: 13 })
    expect(healed.alerts.size).toBe(1)
  })

  it('a heartbeat whose head is not ours tells of a gap within one beat', () => {
    expect(reduce(aPicture(), beat(10)).resync).toBe(false)
    expect(reduce(aPicture(), beat(13)).resync).toBe(true)
  })

  it('another epoch is another log: its numbers mean nothing here', () => {
    expect(reduce(aPicture(), beat(10, 'e2')).resync).toBe(true)
    expect(reduce(aPicture(), said(11, anAlert(), 'e2')).resync).toBe(true)
  })

  it('events before the first snapshot are not believed', () => {
    expect(reduce(EMPTY, said(1))).toMatchObject({ resync: true, heard_ms: null })
  })

  it('what is heard across a gap is no proof of a whole picture: the time of the last trust stays', () => {
    const gap = reduce(aPicture(), beat(13))
    expect(gap.heard_ms).toBe(NOON)
    expect(reduce(aPicture(), beat(10)).heard_ms).toBe(NOON + 5_000)
  })

  it('reads ids whose epoch contains dots', () => {
    expect(position('2026.5.42')).toEqual({ epoch: '2026.5', seq: 42 })
    expect(position('nonsense')).toBeNull()
    expect(position('e1.x')).toBeNull()
  })
})

describe('cases', () => {
  it('a snapshot replaces everything: no ghost of an earlier picture remains', () => {
    const before = aPicture({ alerts: [anAlert(), anAlert({ id: 'a2' })] })
    const after = reduce(before, { name: 'snapshot', local_ms: NOON, value: aSnapshot({ epoch: 'e2', head: 3, alerts: [anAlert({ id: 'a9' })] }) })
    expect([...after.alerts.keys()]).toEqual(['a9'])
    expect(after.epoch).toBe('e2')
  })

  it('a closed case leaves the list and is the first of the closed', () => {
    const picture = reduce(aPicture({ alerts: [anAlert()] }), said(11, anAlert({ state: 'closed', version: 4, closed_at: at(-60), state_words: '已结案' })))
    expect(picture.alerts.size).toBe(0)
    expect(picture.closed[0]).toMatchObject({ id: 'a317', seconds: 78 })
  })

  it('a case that is opened again is no longer among the closed', () => {
    const picture = reduce(aPicture({ closed: [{ id: 'a317', at: at(0), title: '烟感', words: '', seconds: 3 }] }), said(11))
    expect(picture.closed).toEqual([])
    expect(picture.alerts.has('a317')).toBe(true)
  })

  it('an older version never overwrites a newer one', () => {
    const mine = reduce(aPicture({ alerts: [anAlert()] }), { name: 'answer', local_ms: NOON, value: anAlert({ version: 5, state: 'acknowledged' }) })
    expect(reduce(mine, said(11, anAlert({ version: 2 }))).alerts.get('a317')).toMatchObject({ version: 5, state: 'acknowledged' })
  })

  it('the answer to our own command shows at once and takes no number', () => {
    const picture = reduce(aPicture({ alerts: [anAlert()] }), { name: 'answer', local_ms: NOON, value: anAlert({ version: 2, state: 'acknowledged' }) })
    expect(picture.head).toBe(10)
    expect(picture.alerts.get('a317')?.state).toBe('acknowledged')
  })

  it('a case of the wall, which lacks whole fields, has its lists all the same', () => {
    const { findings: _f, deliveries: _d, responders: _r, ...thin } = anAlert()
    const picture = reduce(aPicture(), said(11, thin as ReturnType<typeof anAlert>))
    expect(picture.alerts.get('a317')).toMatchObject({ findings: [], deliveries: [], responders: [] })
  })
})

describe('a flood', () => {
  it('is what the service says, whatever the count, in the first picture as in the stream', () => {
    expect(aPicture({ recent_10min: 6, flood: true }).flood).toBe(true)
    const told = (flood: boolean, recent_10min: number) => reduce(aPicture(), { name: 'kpi', id: 'e1.11', local_ms: NOON, value: { recent_10min, flood } })
    expect(told(true, 6)).toMatchObject({ flood: true, recent_10min: 6 })
    expect(told(false, 6).flood).toBe(false)
    expect(reduce(told(true, 6), { name: 'kpi', id: 'e1.12', local_ms: NOON, value: {} })).toMatchObject({ flood: true, recent_10min: 6 })
  })
})

it('waiting times follow the server’s clock, however wrong ours is', () => {
  const ours = NOON + 3_600_000
  const picture = aPicture({}, ours)
  expect(ours + picture.clock.offset_ms).toBe(NOON)
})
