import { describe, expect, it } from 'vitest'
import { Refusal } from '../api/client'
import { anAlert } from '../testing'
import { added, deliver, type Doors, type Tap } from './outbox'

const tap = (command: Tap['command'], minute: number): Tap => ({ key: `k-${command}`, alert: 'a1', command, at: `2026-05-23T04:0${minute}:00.000Z` })

function doors(kept: Tap[], send: Doors['send']): Doors & { left: () => readonly Tap[] } {
  let taps: readonly Tap[] = kept
  return {
    keep: (next) => (taps = next), kept: () => [...taps], left: () => taps, version: async () => 3, now: () => Date.parse('2026-05-23T04:10:00.000Z'), send,
  }
}

describe('taps made without a network', () => {
  it('are sent in order, with their own times, once the network is back', async () => {
    const sent: [string, number][] = []
    const out = doors([tap('accept', 1), tap('depart', 2), tap('arrive', 8)], async (one, _version, late) => {
      sent.push([one.command, late])
      return anAlert({ id: 'a1' })
    })
    await deliver(out)
    expect(sent).toEqual([['accept', 540], ['depart', 480], ['arrive', 120]])
    expect(out.left()).toEqual([])
  })
  it('wait while nobody answers, all of them', async () => {
    const out = doors([tap('accept', 1), tap('depart', 2)], async () => {
      throw new Refusal({ status: 0, reason: 'unreachable' })
    })
    expect(await deliver(out)).toEqual([])
    expect(out.left()).toHaveLength(2)
  })
  it('are told when they cannot be, and do not block those behind them', async () => {
    const out = doors([tap('accept', 1), tap('arrive', 2)], async (one) => {
      if (one.command === 'accept') throw new Refusal({ status: 409, reason: 'not_allowed' })
      return anAlert({ id: 'a1' })
    })
    const done = await deliver(out)
    expect(done.map((one) => ('refused' in one ? one.refused : 'sent'))).toEqual(['not_allowed', 'sent'])
    expect(out.left()).toEqual([])
  })
  it('are decided again when only the version moved on', async () => {
    const versions: number[] = []
    const out = doors([tap('depart', 2)], async (_tap, version) => {
      versions.push(version)
      if (version < 7) throw new Refusal({ status: 409, reason: 'version_conflict', alert: anAlert({ id: 'a1', version: 7 }) })
      return anAlert({ id: 'a1' })
    })
    await deliver(out)
    expect(versions).toEqual([3, 7])
  })
  it('count once when the finger was there twice', () => {
    const once = added([], tap('accept', 1))
    expect(added(once, { ...tap('accept', 1), key: 'other' })).toBe(once)
    expect(added(once, tap('depart', 2))).toHaveLength(2)
    const safe = { ...tap('check', 3), to: 'h1', result: 'safe' as const }
    expect(added([safe], { ...safe, key: 'other' })).toHaveLength(1)
    expect(added([safe], { ...safe, to: 'h2' })).toHaveLength(2)
    const visit = { ...safe, key: 'visit', result: 'visit' as const }
    expect(added([safe], visit)).toHaveLength(2)
    expect(added([safe, visit], { ...safe, key: 'again' }).at(-1)?.result).toBe('safe') // put right twice: the last word counts
  })
})
