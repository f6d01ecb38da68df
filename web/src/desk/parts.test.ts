/** The parts of the desk as a person meets them: by role and visible words. */
import { mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { nextTick } from 'vue'
import { api } from '../api/client'
import type { Codes, StripRow } from '../api/types'
import DispatchPanel from '../alerts/DispatchPanel.vue'
import { aLive, anAlert, aPicture, aSound, at, LIVE_TRUST, NOON } from '../testing'
import { LIVE } from '../live/useLive'
import { me } from '../session'
import { SOUND } from '../sound/useSound'
import SoundCheck from '../sound/SoundCheck.vue'
import Banners from '../states/Banners.vue'
import Calm from '../states/Calm.vue'
import { wallClock } from '../words/time'
import ActionBar from '../alerts/ActionBar.vue'
import CallPanel from '../alerts/CallPanel.vue'
import CaseDrawer from '../alerts/CaseDrawer.vue'
import HeroCard from '../alerts/HeroCard.vue'
import HeroGrid from '../alerts/HeroGrid.vue'
import OutcomeForm from '../alerts/OutcomeForm.vue'
import QueuePanel from '../alerts/QueuePanel.vue'
import { order } from '../alerts/order'

const clock = wallClock('Asia/Shanghai', 'zh-CN')
const codes: Codes = {
  cause: [{ code: 'C02', zh: '烹饪油烟' }, { code: 'C19', zh: '设备误报' }],
  verification: [{ code: 'V1', zh: '电话本人' }],
  action: [{ code: 'A1', zh: '安抚教育' }, { code: 'A4', zh: '119' }],
  outcome: [{ code: 'O1', zh: '平安' }, { code: 'O5', zh: '未联系上' }],
  truth: [{ code: 'avoidable', zh: '可避免误报' }],
}
let seen: VueWrapper[] = []
const show = ((component: never, options: object) => {
  const wrapper = mount(component, { attachTo: document.body, ...options } as never)
  seen.push(wrapper as VueWrapper)
  return wrapper
}) as unknown as typeof mount
afterEach(() => {
  for (const wrapper of seen) wrapper.unmount()
  seen = []
})
const button = (wrapper: VueWrapper, words: string) => wrapper.findAll('button').find((one) => one.text().includes(words))!

describe('the queue', () => {
  const alerts = [
    anAlert(),
    anAlert({ id: 'y', level: 'yellow', title: '离床超时', state: 'acknowledged', owner: { id: 's02', name: '方静' }, state_words: '通话中', raised_at: at(401) }),
    anAlert({ id: 'd', level: 'blue', kind: 'device', title: '设备离线', findings: Array.from({ length: 9 }, (_, n) => ({ finding: `f${n}`, rule: 'TE', code: 'TE5', level: 'blue' as const, device: `d${n}` })) }),
  ]
  const wrapper = () => show(QueuePanel, { props: { queue: order(alerts, 's01'), now: NOON, shown: ['a317'], recent: 2 } })

  it('counts the levels and keeps every row’s truth in its attributes', () => {
    const rows = wrapper().findAll('[data-alert]').map((row) => [row.attributes('data-alert'), row.attributes('data-level'), row.attributes('data-state')])
    expect(rows).toEqual([['a317', 'red', 'new'], ['y', 'yellow', 'acknowledged'], ['d', 'blue', 'new']])
  })
  it('a red reads level, what, who, where, how long, state', () => {
    const words = wrapper().find('[data-alert="a317"]').text()
    for (const part of ['红色', '厨房烟感报警', '00:18', '周阿婆 82 岁', '银杏小区 3 幢 402 室', '未接警', '待接']) expect(words).toContain(part)
  })
  it('nine devices with one cause are one row', () => {
    expect(wrapper().find('[data-alert="d"]').text()).toMatch(/设备离线\s*× 9/)
  })
  it('only the shape of a waiting red flashes', () => {
    const flashing = wrapper().findAll('.flash')
    expect(flashing).toHaveLength(1)
    expect(flashing[0]!.element.closest('[data-alert]')?.getAttribute('data-alert')).toBe('a317')
  })
  it('on the wall no row can be pressed', () => {
    const wall = show(QueuePanel, { props: { queue: order(alerts, null), now: NOON, shown: [], recent: 0, wall: true } })
    expect(wall.findAll('a, button, input')).toHaveLength(0)
  })
  it('before the first picture nothing is called none or all', () => {
    const words = show(QueuePanel, { props: { queue: order([], 's01'), now: NOON, shown: [], recent: 0, unheard: true } }).text()
    for (const part of ['没有待接', '没有未结', '已全部', '0']) expect(words).not.toContain(part)
    expect(words).toContain('正在连接')
    expect(show(QueuePanel, { props: { queue: order([], 's01'), now: NOON, shown: [], recent: 0 } }).text()).toContain('没有待接的红色')
  })
  it('draws at most sixty rows however many are open', () => {
    const many = Array.from({ length: 500 }, (_, n) => anAlert({ id: `b${n}`, level: 'blue' }))
    const wall = show(QueuePanel, { props: { queue: order([...many, anAlert()], null), now: NOON, shown: [], recent: 0 } })
    expect(wall.findAll('[data-alert]')).toHaveLength(60)
    expect(wall.find('[data-alert]').attributes('data-alert')).toBe('a317')
  })
})

describe('the centre', () => {
  it('answers how bad, what, where, who, since when', () => {
    const words = show(HeroCard, { props: { alert: anAlert(), now: NOON, clock, target: 60 } }).text()
    for (const part of ['红色 · 应急响应', '厨房烟感报警', '00:18', '未接警 · 目标 60 秒内', '银杏小区 3 幢 402 室', '周阿婆', '听力下降，多等铃', '12:06:24 触发']) expect(words).toContain(part)
  })
  it('a home without readings is not called safe', () => {
    me.value = { user: 'operator', name: '陈敏芝', role: 'operator', staff: 's01' } as never
    const wrapper = show(HeroCard, { props: { alert: anAlert(), now: NOON, clock, target: 60, strip: { home: 'h0317', from: at(3600), to: at(0), rows: [] } } })
    expect(wrapper.text()).toContain('不能当作平安')
    me.value = null
  })
  it('says which device rang and how full its battery is, once the strip is there', () => {
    const row = { device: 'smoke-0317', kind: 'smoke', label: '烟感 厨房', label_en: 'smoke kitchen', words: '报警', words_en: 'alarm', alarm: true, age_seconds: 1, draw: 'state', spans: [], points: [], ticks: [], unit: null, battery: 85.6 } as StripRow
    const alert = anAlert({ findings: [{ device: 'smoke-0317' }] as never })
    const band = (rows: StripRow[], wall = false): string =>
      show(HeroCard, { props: { alert, now: NOON, clock, target: 60, wall, strip: { home: 'h0317', from: at(3600), to: at(0), rows } } }).find('.band').text()
    expect(band([row])).toContain('触发烟感 厨房 · 电量 86%')
    expect(band([{ ...row, battery: null }])).toContain('触发烟感 厨房')
    expect(band([{ ...row, battery: null }])).not.toContain('电量')
    expect(band([])).toContain('触发smoke-0317')
    expect(band([row], true)).not.toContain('烟感 厨房')
  })
  it('on the wall it shows no room, no telephone, no key and no tag, even if they were sent', () => {
    const words = show(HeroCard, { props: { alert: anAlert(), now: NOON, clock, target: 60, wall: true } }).text()
    for (const part of ['402', '0574', '07 号柜', '听力', '82']) expect(words).not.toContain(part)
  })
  it('a re-check counts down while the case waits, alone or among several reds, and is said when its time is over', () => {
    const waits = anAlert({ resumed: true, state: 'acknowledged', recheck_at: new Date(NOON + 552_000).toISOString() })
    const other = anAlert({ id: 'a318', recheck_at: at(1) })
    const props = { now: NOON, others: 0, primary: () => '接警' }
    const tiles = show(HeroGrid, { props: { alerts: [waits, other, anAlert({ id: 'a319' })], ...props } }).findAll('.tile')
    expect(tiles.map((tile) => tile.find('.recheck').exists() && tile.find('.recheck').text())).toEqual(['09:12 后复查', '复查到时', false])
    expect(show(HeroGrid, { props: { alerts: [waits, other], wall: true, ...props } }).text()).toContain('09:12 后复查')
    expect(show(HeroCard, { props: { alert: waits, now: NOON, clock, target: 60 } }).find('.band').text()).toContain('09:12 后复查')
  })
  it('no control takes more than one red', async () => {
    const alerts = [anAlert(), anAlert({ id: 'a318', title: 'SOS 呼叫' })]
    const wrapper = show(HeroGrid, { props: { alerts, now: NOON, others: 0, primary: () => '接警' } })
    await button(wrapper, '接警').trigger('click')
    expect(wrapper.emitted('take')).toEqual([['a317']])
    expect(wrapper.text()).not.toMatch(/全部接警|一键/)
  })
})

describe('the four keys', () => {
  it('119 must be held for a second; a short press opens the menu with both numbers', async () => {
    vi.useFakeTimers()
    const wrapper = show(ActionBar, { props: { primary: '接警', armed: true, kind: 'smoke' } })
    const fire = button(wrapper, '转 119')
    await fire.trigger('pointerdown')
    vi.advanceTimersByTime(700)
    await fire.trigger('pointerup')
    await fire.trigger('click')
    expect(wrapper.emitted('emergency')).toBeUndefined()
    await button(wrapper, '120 急救').trigger('click')
    expect(wrapper.emitted('emergency')).toEqual([['120']])
    expect(wrapper.find('.menu').exists()).toBe(false)
    await fire.trigger('pointerdown')
    vi.advanceTimersByTime(1_000)
    await fire.trigger('pointerup')
    await fire.trigger('click')
    expect(wrapper.emitted('emergency')).toEqual([['120'], ['119']])
    expect(wrapper.find('.menu').exists()).toBe(false)
    vi.useRealTimers()
  })
  it('for a person the key is 120', () => {
    expect(show(ActionBar, { props: { primary: '接警', armed: true, kind: 'sos' } }).text()).toContain('转 120长按 0')
  })
  it('a call ends with one of five words', async () => {
    const wrapper = show(CallPanel, { props: { call: { alert: 'a', to: 'home', label: '家中电话', number: '0574-86293712', started_ms: 0 }, seconds: 12 } })
    expect(wrapper.text()).toContain('0574-86293712')
    for (const [words, result] of [['接通', 'answered'], ['无人接', 'no_answer'], ['占线', 'busy'], ['拒接', 'refused'], ['空号', 'wrong_number']] as const) {
      await button(wrapper, words).trigger('click')
      expect(wrapper.emitted('result')!.at(-1)).toEqual([result])
    }
  })
  it('nobody to send is said, with what to do instead', () => {
    expect(show(DispatchPanel, { props: { people: [], chosen: [] } }).text()).toContain('没有可派的人')
    const early = show(DispatchPanel, { props: { people: [], chosen: [], unheard: true } }).text()
    expect(early).toContain('正在读取')
    expect(early).not.toContain('没有可派的人')
  })
  it('two of the same name are told apart by what they are', () => {
    const person = (id: string, name: string, role: string) => ({ id, name, role, state: 'free' as const, minutes: 4 })
    const wrapper = show(DispatchPanel, { props: { people: [person('s1', '虞志强', 'neighbour'), person('s2', '方裕民', 'neighbour'), person('s3', '虞志强', 'volunteer')] as never, chosen: [] } })
    expect(wrapper.findAll('.name').map((one) => one.text())).toEqual(['虞志强\u00a0邻居', '方裕民', '虞志强\u00a0志愿者'])
  })
})

describe('the outcome', () => {
  const cooking = { cause: 'C02', verification: 'V1', actions: ['A1'], outcome: 'O1', truth: 'avoidable' }
  const nothing = { cause: '', verification: '', actions: [], outcome: '', truth: '' }
  const form = (alert = anAlert({ id: `o${Math.floor(performance.now() * 1000)}` }), offer = cooking) => show(OutcomeForm, { props: { alert, codes, offer } })

  it('cooking is chosen already and closes with one press', async () => {
    const wrapper = form()
    await wrapper.find('form').trigger('submit')
    expect(wrapper.emitted('close')![0]![0]).toMatchObject({ cause: 'C02', verification: 'V1', actions: ['A1'], outcome: 'O1', truth: 'avoidable' })
  })
  it('what is missing is named, and nothing is sent', async () => {
    const wrapper = form(anAlert({ id: 'none' }), nothing)
    const told = wrapper.find('[role="status"]') // there before its words, or nobody hears them
    expect(told.element.childNodes).toHaveLength(0)
    await wrapper.find('form').trigger('submit')
    expect(wrapper.emitted('close')).toBeUndefined()
    expect(told.text()).toBe('还缺：原因、核实、处置、结果、真假')
  })
  it('a later answer changes what nobody has chosen, and leaves what somebody has', async () => {
    const wrapper = form(anAlert({ id: 'later' }), nothing)
    await wrapper.find('input[value="C19"]').setValue(true)
    await wrapper.setProps({ offer: cooking })
    await wrapper.find('form').trigger('submit')
    expect(wrapper.emitted('close')![0]![0]).toMatchObject({ cause: 'C19', verification: 'V1', actions: ['A1'], outcome: 'O1', truth: 'avoidable' })
  })
  it('未联系上 can not be closed', async () => {
    const wrapper = form()
    await wrapper.find('input[value="O5"]').setValue(true)
    await wrapper.find('form').trigger('submit')
    expect(wrapper.emitted('close')).toBeUndefined()
    expect(wrapper.find('[role="status"]').text()).toContain('未联系上不能结案')
  })
  it('119 asks for its number', async () => {
    const wrapper = form()
    await wrapper.find('input[value="A4"]').setValue(true)
    await wrapper.find('form').trigger('submit')
    expect(wrapper.find('[role="status"]').text()).toBe('还缺：119 / 120 回执号')
  })
  it('a draft survives a reload', async () => {
    const alert = anAlert({ id: 'draft' })
    const first = form(alert)
    await first.find('input[value="C19"]').setValue(true)
    await nextTick()
    first.unmount()
    expect((form(alert).find('input[value="C19"]').element as HTMLInputElement).checked).toBe(true)
  })
})

describe('the drawer', () => {
  const alert = anAlert({ script: { title: '烟感', say: '您好', steps: [], questions: [{ id: 'fire', ask: '看到烟或火吗？', yes: '请马上离开房间。' }, { id: 'cook', ask: '在做饭吗？' }] } })
  const props = { alert, tab: 'script' as const, now: NOON, clock, strip: null, codes, operator: '陈敏芝', others: 0 }

  it('an answer is kept as a note, shows its hint and opens the next question', async () => {
    vi.spyOn(api, 'timeline').mockResolvedValue([])
    const wrapper = show(CaseDrawer, { props })
    await vi.waitFor(() => expect(api.timeline).toHaveBeenCalled())
    expect(wrapper.text()).not.toContain('在做饭吗？')
    await button(wrapper, '是').trigger('click')
    expect(wrapper.emitted('note')).toEqual([['看到烟或火吗？是']])
    expect(wrapper.text()).toContain('请马上离开房间。')
    expect(wrapper.text()).toContain('在做饭吗？')
  })
  it('rings the home from beside the sentence, again once it was rung; not for who only reads, nor of many homes', () => {
    vi.spyOn(api, 'timeline').mockResolvedValue([])
    const ring = (more: object, rest: object = {}) => show(CaseDrawer, { props: { ...props, alert: { ...alert, ...more }, ...rest } }).find('[data-ring-home]')
    expect(ring({}).text()).toBe('拨打家中电话')
    expect(ring({}, { take: '接警并拨打家中电话' }).exists()).toBe(false) // the key that takes it rings
    expect(ring({ called: [{ to: 'home', result: 'answered' }] }).text()).toBe('再次拨打家中电话')
    expect([ring({}, { readonly: true }), ring({ cause: 'area' }), ring({ at_centre: true }), ring({ place: {} })].map((one) => one.exists())).toEqual([false, false, false, false])
    const wrapper = show(CaseDrawer, { props })
    void wrapper.find('[data-ring-home]').trigger('click')
    expect(wrapper.emitted('call')).toEqual([['home']])
  })
  it('the second operator sees the answers of the first', async () => {
    vi.spyOn(api, 'timeline').mockResolvedValue([{ at: at(5), type: 'noted', note: '看到烟或火吗？否' }])
    const wrapper = show(CaseDrawer, { props: { ...props, readonly: true } })
    await vi.waitFor(() => expect(wrapper.findAll('[aria-pressed="true"]').map((one) => one.text())).toEqual(['否']))
  })
  it('what is read aloud names whoever will speak; who only reads along gives nobody a name', async () => {
    vi.spyOn(api, 'timeline').mockResolvedValue([])
    const free = anAlert({ script: { title: '烟感', say: '我是值班员。', say_as: '我是{operator}。', steps: [], questions: [] } })
    const words = (more: object): string => show(CaseDrawer, { props: { ...props, alert: free, ...more } }).find('blockquote').text()
    expect([words({}), words({ readonly: true }), words({ writer: '方静' })]).toEqual(['我是陈敏芝。', '我是值班员。', '我是值班员。'])
  })
  it('tabs are walked with the arrow keys', async () => {
    vi.spyOn(api, 'timeline').mockResolvedValue([])
    const wrapper = show(CaseDrawer, { props })
    await wrapper.find('[role="tablist"]').trigger('keydown', { key: 'ArrowRight' })
    expect(wrapper.emitted('tab')).toEqual([['evidence']])
  })
})

describe('a picture that may not be believed', () => {
  const banners = (trust: object, more: object = {}) =>
    show(Banners, { props: { nobody: false, blocked: false, flood: false, ...more }, global: { provide: { [LIVE as symbol]: aLive(aPicture(), { ...LIVE_TRUST, ...trust }), [SOUND as symbol]: aSound() } } })

  it('stale says 数据延迟 and for how long', () => {
    expect(banners({ link: 'stale', silent_ms: 8_400 }).find('[role="alert"]').text()).toBe('数据延迟8 秒正在重连，画面可能不是最新')
  })
  it('down says 连接中断, when the picture stopped, and what to use instead', () => {
    const words = banners({ link: 'down', silent_ms: 42_000 }).find('[role="alert"]').text()
    for (const part of ['连接中断', '00:42', '画面停在 12:06:00', '请改用值班手机和备用座机接警']) expect(words).toContain(part)
  })
  it('a server that hears no device says 设备数据中断', () => {
    expect(banners({ devices: 'silent' }).text()).toContain('设备数据中断')
  })
  it('nobody on duty is written across the screen', () => {
    expect(banners({}, { nobody: true }).text()).toContain('当前无人值班')
  })
  it('without sound the way to it is a button on the desk, and no button on the wall', () => {
    expect(button(banners({}, { blocked: true }), '点此启用声音')).toBeDefined()
    const wall = banners({}, { blocked: true, wall: true })
    expect(wall.text()).toContain('点此启用声音')
    expect(wall.findAll('button')).toHaveLength(0)
  })
  it('nothing is said while all is well', () => {
    expect(banners({}).text()).toBe('')
  })
  it('calm is never claimed by a picture that may not be believed', () => {
    const calm = (believed: boolean) => show(Calm, { props: { queue: order([], null), protection: null, closed: [], now: NOON, clock, believed } }).text()
    expect(calm(true)).toContain('当前无红色告警')
    expect(calm(false)).not.toContain('当前无红色告警')
    expect(calm(false)).toContain('请以电话为准')
    const empty = show(Calm, { props: { queue: order([], null), protection: null, closed: [], now: NOON, clock, believed: true, silent: [2] } }).text()
    expect(empty).not.toContain('当前无红色告警')
    expect(empty).toContain('没有人：值班组长')
  })
})

describe('the sound check', () => {
  it('plays the red sound and asks 听到了吗？', async () => {
    const test = vi.fn()
    const record = vi.fn()
    const wrapper = show(SoundCheck, { global: { provide: { [SOUND as symbol]: aSound({ test, record }) } } })
    await button(wrapper, '播放红色告警声').trigger('click')
    await vi.waitFor(() => expect(wrapper.text()).toContain('听到了吗？'))
    expect(test).toHaveBeenCalledWith('red')
    await button(wrapper, '听到了').trigger('click')
    expect(record).toHaveBeenCalledWith(true)
  })
  it('a browser that refuses sound is not recorded as heard', async () => {
    const record = vi.fn()
    const wrapper = show(SoundCheck, { global: { provide: { [SOUND as symbol]: aSound({ enable: async () => 'blocked', record }) } } })
    await button(wrapper, '播放红色告警声').trigger('click')
    await vi.waitFor(() => expect(wrapper.find('[role="status"]').text()).toContain('没有声音'))
    expect(record).not.toHaveBeenCalled()
  })
})

describe('what the wall is not told', () => {
  it('is not claimed either: no word of calls where none were sent', () => {
    const taken = { state: 'acknowledged', owner: { id: 's01', name: '陈**' } } as const
    expect(show(HeroCard, { props: { alert: anAlert(taken), now: NOON, clock, target: 60 } }).text()).toContain('还没打')
    const { called: _called, ...silent } = anAlert(taken)
    expect(show(HeroCard, { props: { alert: silent, now: NOON, clock, target: 60, wall: true } }).text()).not.toContain('还没打')
  })
})
