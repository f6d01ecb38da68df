/** What the screens say of a case is true of it: who has it and since when, what is over, what is still to come. */
import { mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import CaseDrawer from '../alerts/CaseDrawer.vue'
import HeroCard from '../alerts/HeroCard.vue'
import { chooseHero, order } from '../alerts/order'
import OutcomeForm from '../alerts/OutcomeForm.vue'
import Progress from '../alerts/Progress.vue'
import { api } from '../api/client'
import type { Alert, Codes } from '../api/types'
import { LIVE } from '../live/useLive'
import { coloured } from '../map/geometry'
import HeaderBar from '../shell/HeaderBar.vue'
import { SOUND } from '../sound/useSound'
import Calm from '../states/Calm.vue'
import { aLive, anAlert, aPicture, aSound, at, NOON } from '../testing'
import WallNow from '../wall/WallNow.vue'
import { wallClock } from '../words/time'

const clock = wallClock('Asia/Shanghai', 'zh-CN')
const chen = { id: 's01', name: '陈敏芝' }
const ladder = [{ step: 0, at_seconds: 0, due_at: at(400), label: '大屏值班席' }, { step: 1, at_seconds: 60, due_at: at(340), label: '值班组长' }] as never
let seen: VueWrapper[] = []
function text(component: unknown, props: object, more: object = {}): string {
  const wrapper = mount(component as never, { props, ...more } as never) as VueWrapper
  seen.push(wrapper)
  return wrapper.text()
}
beforeEach(() => {
  sessionStorage.clear()
  vi.spyOn(api, 'timeline').mockResolvedValue([])
})
afterEach(() => {
  for (const wrapper of seen) wrapper.unmount()
  seen = []
  vi.restoreAllMocks()
})

it('past its goal a red says so', () => {
  const hero = (waits: number) => text(HeroCard, { alert: anAlert({ raised_at: at(waits), onset_at: at(waits) }), now: NOON, clock, target: 60 })
  expect(hero(59)).toContain('未接警 · 目标 60 秒内')
  expect(hero(61)).toContain('未接警 · 已超 60 秒目标')
})

it('a rule that waited says when it began and when it rang', () => {
  const hero = (onset: number) => text(HeroCard, { alert: anAlert({ onset_at: at(onset), raised_at: at(18) }), now: NOON, clock, target: 60 })
  expect(hero(18)).toContain('12:06:24 触发')
  expect(hero(198)).toContain('12:03:24 起，12:06:24 报警')
})

it('beside the owner stands when that person took it', () => {
  const taken = anAlert({ state: 'acknowledged', owner: chen, raised_at: at(400), acknowledged_at: at(276), owned_at: at(100), ladder })
  expect(text(Progress, { alert: taken, now: NOON })).toContain('陈敏芝 · 5:00')
  expect(text(Progress, { alert: { ...taken, owned_at: null }, now: NOON })).toContain('陈敏芝 · 2:04')
})

it('on a wall nobody is said to have it only where nobody has', () => {
  const spent = anAlert({ raised_at: at(400), ladder })
  expect(text(WallNow, { alert: spent, now: NOON })).toContain('仍未接警')
  const again = { ...spent, state: 'dispatched', resumed: true, owner: { id: 's01', name: '陈**' } } as Alert
  expect(text(WallNow, { alert: again, now: NOON })).not.toContain('仍未接警')
})

it('the timer of a closed case stands still', () => {
  const drawer = (alert: Alert) => text(CaseDrawer, { alert, tab: 'history', now: NOON, clock, strip: null, codes: null, operator: '', others: 0 })
  const open = anAlert({ raised_at: at(900), ladder: [] })
  expect(drawer(open)).toContain('15:00')
  expect(drawer({ ...open, state: 'closed', closed_at: at(600) } as Alert)).toContain('05:00')
})

it('whoever closes a case is told what would be forgotten or is still on, and of whom nobody knows', async () => {
  const codes: Codes = { cause: [{ code: 'C22', zh: '断网、断电' }], verification: [{ code: 'V1', zh: '电话本人' }], action: [{ code: 'A1', zh: '安抚教育' }], outcome: [{ code: 'O1', zh: '平安' }, { code: 'O3', zh: '险情排除' }], truth: [{ code: 'real', zh: '真实' }] }
  const offer = { cause: 'C22', verification: 'V1', actions: ['A1'], outcome: 'O1', truth: 'real' }
  let n = 0
  const form = (more: Partial<Alert>) => {
    const wrapper = mount(OutcomeForm, { props: { alert: anAlert({ id: `o${(n += 1)}`, ...more }), codes, offer } as never })
    seen.push(wrapper as VueWrapper)
    return wrapper
  }
  const words = (more: Partial<Alert>): string => { const found = form(more).find('[data-open]'); return found.exists() ? found.text() : '' }
  expect(words({ condition: 'cleared' })).toBe('')
  expect(words({ condition: 'active' })).toContain('现场还在报警')
  expect(words({ condition: 'active', test: true })).toBe('')
  expect(words({ condition: 'cleared', recheck_at: at(-300) })).toContain('结案后不再提醒')
  const homes = (result: string | null) => form({ condition: 'cleared', cause: 'area', welfare: [{ home: 'h1', result: 'safe' }, { home: 'h2', result }] as never })
  const unasked = homes(null)
  expect(unasked.find('.stop').text()).toContain('还有 1 户没有确认平安')
  await unasked.trigger('submit')
  expect(unasked.emitted('close')).toBeUndefined()
  const all = homes('safe')
  await all.trigger('submit')
  expect(all.emitted('close')).toHaveLength(1)
})

it('who is on duty is not known before it was told, and then nobody may be', () => {
  const bar = (picture: ReturnType<typeof aPicture>) =>
    text(HeaderBar, { me: { name: '陈敏芝', role: 'operator', community: { name: '总浦桥社区' }, demo: false, simulated: false } }, {
      global: {
        plugins: [createRouter({ history: createMemoryHistory(), routes: [{ path: '/:all(.*)', component: { template: '<i />' } }] })],
        provide: { [LIVE as symbol]: aLive(picture), [SOUND as symbol]: aSound() },
      },
    })
  expect(bar({ ...aPicture(), duty: null })).toMatch(/值班\s*—/)
  expect(bar(aPicture({ duty: { nobody: true, desk: [], responders: [] } }))).toContain('值班 无人')
})

it('a wall, told of today only, says nothing of the days to come', () => {
  const calm = (wall: boolean) => text(Calm, { queue: order([], null), protection: null, closed: [], kpi: { visits: { value: 0, n: 0 } }, now: NOON, clock, believed: true, wall }, { global: { stubs: { RouterLink: true } } })
  expect(calm(true)).toContain('今天没有要探访的人')
  expect(calm(false)).not.toContain('今天没有要探访的人')
})

it('a wall has no keys: there a red that was chosen gives way to a new one', () => {
  const alerts = [anAlert({ id: 'chosen' }), anAlert({ id: 'new', raised_at: at(1) })]
  const ask = (mine: string | null) => chooseHero({ queue: order(alerts, mine), open: new Map(alerts.map((one) => [one.id, one])), selection: { id: 'chosen', at_ms: 500 }, busy: false, mine, arrived: new Map([['new', 1_000]]) })
  expect([ask('s01').mode, ask(null).mode]).toEqual(['one', 'grid'])
})

it('a case of many homes colours all their buildings', () => {
  const map = { buildings: [{ id: 'b1', homes: ['h1'] }, { id: 'b2', homes: ['h2'] }, { id: 'b3', homes: ['h3'] }] } as never
  const area = anAlert({ home: 'h1', cause: 'area', welfare: [{ home: 'h1' }, { home: 'h2' }] as never })
  expect([...coloured(map, [area])]).toEqual([['b1', 'red'], ['b2', 'red']])
})
