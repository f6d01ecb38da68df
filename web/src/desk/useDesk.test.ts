import { effectScope, nextTick, shallowRef, type EffectScope } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { api, Refusal } from '../api/client'
import type { Alert, DutyPerson } from '../api/types'
import { reduce } from '../live/reduce'
import { aLive, anAlert, aPicture, NOON } from '../testing'
import { ARMING_MS, useDesk, type Desk } from './useDesk'

const me = { user: 'operator', name: '陈敏芝', role: 'operator', staff: 's01', community: { id: 'zpq', name: '总浦桥社区', timezone: 'Asia/Shanghai' }, demo: true, simulated: false, build: 'b' }
const taken = (more: Partial<Alert> = {}) => anAlert({ version: 2, state: 'acknowledged', owner: { id: 's01', name: '陈敏芝' }, ...more })
const person = (id: string, name: string, minutes: number, state: DutyPerson['state'] = 'free'): DutyPerson => ({ id, name, role: 'grid_worker', state, minutes })

let scope: EffectScope
let desk: Desk
let live: ReturnType<typeof aLive>
let sent: [string, string, Record<string, unknown>][]
let answer: (name: string, body: Record<string, unknown>) => Alert

function sit(alerts: Alert[]): void {
  live = aLive(aPicture({ alerts }))
  const picture = live.picture as ReturnType<typeof shallowRef<ReturnType<typeof aPicture>>>
  live.learn = (alert) => {
    picture.value = reduce(live.picture.value, { name: 'answer', local_ms: NOON, value: alert })
  }
  scope = effectScope()
  desk = scope.run(() => useDesk(live, me, () => false))!
}

beforeEach(() => {
  vi.useFakeTimers({ now: NOON })
  sent = []
  answer = () => taken()
  vi.spyOn(api, 'duty').mockResolvedValue({ nobody: false, desk: [], responders: [person('s04', '陆海峰', 3, 'busy'), person('s07', '林国平', 5), person('s08', '汤红霞', 6)] })
  vi.spyOn(api, 'command').mockImplementation(async (id, name, body) => {
    sent.push([id, name, body])
    return answer(name, body)
  })
})
afterEach(() => {
  scope.stop()
  vi.useRealTimers()
})
const settle = () => vi.advanceTimersByTimeAsync(1)

describe('taking a case', () => {
  it('does nothing within 0.8 s of the centre changing', async () => {
    sit([anAlert()])
    await vi.advanceTimersByTimeAsync(ARMING_MS - 20)
    await desk.take()
    expect(sent).toEqual([])
    await vi.advanceTimersByTimeAsync(30)
    await desk.take()
    expect(sent).toEqual([['a317', 'acknowledge', { version: 1 }]])
  })

  it('the home is rung again from the case, and what came of it is written down', async () => {
    sit([taken({ called: [{ to: 'home', result: 'answered' }] as never })])
    desk.callContact(desk.first.value!, 'home')
    expect(desk.call.value).toMatchObject({ to: 'home', number: '0574-86293712' })
    await desk.callResult('no_answer')
    expect(sent).toMatchObject([['a317', 'call', { to: 'home', result: 'no_answer' }]])
  })

  it('a red that came during a call stays a bar when the call ends: no key meant for the one acts on the other', async () => {
    sit([taken({ state: 'dispatched' })])
    desk.select('a317')
    await vi.advanceTimersByTimeAsync(ARMING_MS)
    desk.emergency('119')
    await vi.advanceTimersByTimeAsync(2_000)
    live.learn(anAlert({ id: 'a318' }))
    await settle()
    expect(desk.first.value?.id).toBe('a317')
    answer = () => taken({ state: 'dispatched', version: 3 })
    await vi.advanceTimersByTimeAsync(2_000)
    await desk.callResult('answered')
    await settle()
    expect([desk.call.value, desk.first.value?.id, desk.hero.value.others]).toEqual([null, 'a317', 1])
    await vi.advanceTimersByTimeAsync(1_000)
    live.learn(anAlert({ id: 'a319' }))
    await settle()
    expect(desk.first.value?.id).not.toBe('a317')
  })

  it('a second red arms the key anew, and the oldest stays the one it takes', async () => {
    sit([anAlert()])
    await vi.advanceTimersByTimeAsync(ARMING_MS)
    live.learn(anAlert({ id: 'a318', raised_at: new Date(NOON).toISOString() }))
    await nextTick()
    await desk.take()
    expect(sent).toEqual([])
    await vi.advanceTimersByTimeAsync(ARMING_MS)
    await desk.take()
    expect(sent[0]?.[0]).toBe('a317')
  })

  it('starts the call to the home and offers to take it back for ten seconds', async () => {
    sit([anAlert()])
    await vi.advanceTimersByTimeAsync(ARMING_MS)
    await desk.take()
    expect(desk.call.value).toMatchObject({ to: 'home', number: '0574-86293712' })
    expect(desk.notices.value[0]).toMatchObject({ words: '已接警 317 号', until_ms: Date.now() + 10_000 })
    answer = () => anAlert({ version: 3 })
    await desk.undo(desk.notices.value[0]!)
    expect(sent.at(-1)).toEqual(['a317', 'undo', { version: 2, reason: '误操作' }])
    expect(desk.call.value).toBeNull()
  })

  it('opens the people where step 1 sends somebody, the nearest free one chosen, and rings with the second key', async () => {
    const script = { title: '烟感报警', steps: [{ n: 1, when: '再次报警', do: '先派最近的人上门，再打电话', send: true }] }
    answer = () => taken({ script })
    sit([anAlert({ script })])
    await vi.advanceTimersByTimeAsync(ARMING_MS)
    await desk.take()
    expect(sent).toEqual([['a317', 'acknowledge', { version: 1 }]])
    expect([desk.call.value, desk.dispatching.value, desk.chosen.value]).toEqual([null, true, ['s07']])
    await desk.take()
    expect([desk.call.value, desk.chosen.value]).toEqual([null, ['s07']])
    await desk.take(undefined, true)
    expect(desk.call.value).toMatchObject({ to: 'home' })
  })

  it('of several reds the people opened are those of the one that was taken, as soon as they are known', async () => {
    const script = { title: '烟感报警', steps: [{ n: 1, when: '再次报警', do: '先派最近的人上门，再打电话', send: true }] }
    answer = () => taken({ id: 'a318', script })
    sit([anAlert(), anAlert({ id: 'a318', script })])
    await vi.advanceTimersByTimeAsync(ARMING_MS)
    let tell: (value: Awaited<ReturnType<typeof api.duty>>) => void = () => undefined
    vi.mocked(api.duty).mockReturnValue(new Promise((resolve) => (tell = resolve)))
    await desk.take('a318')
    expect(desk.dispatching.value).toBe(true)
    tell({ nobody: false, desk: [], responders: [person('s08', '汤红霞', 2), person('s07', '林国平', 5)] })
    await settle()
    expect(desk.chosen.value).toEqual(['s08'])
    desk.toggle('s07')
    expect(desk.chosen.value).toEqual(['s08', 's07'])
  })

  it('says who was faster', async () => {
    sit([anAlert()])
    await vi.advanceTimersByTimeAsync(ARMING_MS)
    answer = () => {
      throw new Refusal({ status: 409, reason: 'already_acknowledged', alert: taken({ owner: { id: 's02', name: '方静' } }) })
    }
    await desk.take()
    expect(desk.notices.value.at(-1)?.words).toBe('已由方静接警')
    expect(desk.first.value?.owner?.name).toBe('方静')
    expect(desk.call.value).toBeNull()
  })

  it('a delivery that moved the version on does not cost the operator a second press', async () => {
    sit([anAlert()])
    await vi.advanceTimersByTimeAsync(ARMING_MS)
    answer = (_name, body) => {
      if (body['version'] === 1) throw new Refusal({ status: 409, reason: 'version_conflict', alert: anAlert({ version: 4 }) })
      return taken({ version: 5 })
    }
    await desk.take()
    expect(sent.map(([, , body]) => body['version'])).toEqual([1, 4])
    expect(desk.first.value?.state).toBe('acknowledged')
  })

  it('a command that reached nobody is said aloud', async () => {
    sit([anAlert()])
    await vi.advanceTimersByTimeAsync(ARMING_MS)
    answer = () => {
      throw new Refusal({ status: 0, reason: 'unreachable' })
    }
    await desk.take()
    expect(desk.notices.value.at(-1)).toMatchObject({ kind: 'alert', words: '没有送达，请再按一次；仍不行请改用电话' })
  })

  it('an auditor only looks', async () => {
    live = aLive(aPicture({ alerts: [anAlert()] }))
    scope = effectScope()
    desk = scope.run(() => useDesk(live, { ...me, role: 'auditor' }, () => false))!
    await vi.advanceTimersByTimeAsync(ARMING_MS)
    await desk.take()
    await desk.dispatch()
    expect(sent).toEqual([])
  })
})

describe('calling and sending', () => {
  it('no answer is one tap, and the people come up with the nearest free one chosen', async () => {
    sit([anAlert()])
    await vi.advanceTimersByTimeAsync(ARMING_MS)
    await desk.take()
    answer = () => taken({ version: 3, called: [{ to: 'home', result: 'no_answer' }] })
    await desk.callResult('no_answer')
    expect(sent.at(-1)).toEqual(['a317', 'call', { version: 2, to: 'home', result: 'no_answer' }])
    expect(desk.dispatching.value).toBe(true)
    expect(desk.chosen.value).toEqual(['s07'])
  })

  it('the first D opens the choice, digits change it, the second D sends', async () => {
    sit([taken()])
    await settle()
    await desk.dispatch()
    expect(sent).toEqual([])
    desk.toggle('s08')
    await desk.dispatch()
    expect(sent).toEqual([['a317', 'dispatch', { version: 2, responders: ['s07', 's08'] }]])
    expect(desk.notices.value.at(-1)?.words).toBe('已派 林国平、汤红霞')
  })

  it('the digit of whom the desk has chosen confirms them, and nobody chosen is said', async () => {
    sit([taken()])
    await settle()
    await desk.dispatch()
    desk.toggle('s07')
    expect(desk.chosen.value).toEqual(['s07'])
    desk.toggle('s07')
    await desk.dispatch()
    expect(sent).toEqual([])
    expect(desk.notices.value.at(-1)?.words).toContain('还没有选人')
  })

  it('119 is a call like any other, with its result', async () => {
    sit([taken()])
    await settle()
    desk.emergency('119')
    await desk.callResult('answered')
    expect(sent).toEqual([['a317', 'call', { version: 2, to: '119', result: 'answered' }]])
  })

  it('a red that comes during a call waits beside it and is reached with one key', async () => {
    sit([taken()])
    desk.select('a317')
    desk.emergency('120')
    live.learn(anAlert({ id: 'a318', raised_at: new Date(NOON).toISOString() }))
    await nextTick()
    expect(desk.hero.value).toMatchObject({ mode: 'one', ids: ['a317'], others: 1 })
    desk.newestRed()
    await nextTick()
    expect(desk.first.value?.id).toBe('a318')
    expect(desk.call.value).toMatchObject({ alert: 'a317', to: '120' }) // its result is still to be told
    desk.step(1)
    expect(desk.call.value).not.toBeNull()
    desk.select('a318')
    live.learn(anAlert({ id: 'a317', version: 3, state: 'acknowledged', resumed: true }))
    await nextTick()
    desk.newestRed() // the newest is in the centre: the bar is about the older one
    await nextTick()
    expect(desk.first.value?.id).toBe('a317')
  })
})
