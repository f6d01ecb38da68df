/** The week by keyboard: one stop for all shifts, so that what follows them can be reached. */
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { api } from '../api/client'
import { LIVE } from '../live/useLive'
import { me } from '../session'
import { aLive, NOON } from '../testing'
import DutyPage from './DutyPage.vue'

let wrapper: VueWrapper
beforeEach(() => vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify({ code: 'unavailable' }), { status: 503 }))))
afterEach(() => {
  wrapper.unmount()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

it('Tab stops once in the table of shifts; arrows choose, and the stop stays where one was', async () => {
  me.value = { role: 'operator', community: { timezone: 'Asia/Shanghai' } } as never
  const days = Array.from({ length: 7 }, (_, n) => `2026-05-${23 + n}`)
  const staff = ['s1', 's2', 's3'].map((id) => ({
    id, name: id, role: 'operator', always: false, on_duty: true, told: 'none', seen_at: null, away: [],
    shifts: days.map((day, n) => ({ day, from: `${day}T00:00:00Z`, to: new Date(NOON + n * 86_400_000 + 3_600_000).toISOString(), now: n === 0, covers: id === 's1' && n === 0 ? '林国平' : null })),
  }))
  vi.spyOn(api, 'week').mockResolvedValue({ days, staff } as never)
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/duty', component: DutyPage }] })
  await router.push('/duty')
  wrapper = mount(DutyPage, { attachTo: document.body, global: { plugins: [router], provide: { [LIVE as symbol]: aLive() } } })
  await flushPromises()
  const all = wrapper.findAll<HTMLButtonElement>('button.shift')
  const stops = () => all.flatMap((one, n) => (one.attributes('tabindex') === '0' ? [n] : []))
  expect(all).toHaveLength(20)
  expect(stops()).toEqual([0])
  all[0]!.element.focus()
  await all[0]!.trigger('keydown', { key: 'ArrowDown' })
  expect(document.activeElement).toBe(all[7]!.element) // the same day of the next person
  expect(stops()).toEqual([7])
  await all[7]!.trigger('keydown', { key: 'End' })
  expect(stops()).toEqual([12])
})
