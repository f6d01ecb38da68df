import { expect, it } from 'vitest'
import { anAlert } from '../testing'
import { deskZh } from '../texts/desk.zh'
import { zh } from '../texts/zh'
import { firstCall, isOutside, primaryWords, ringWords } from './call'

it('the first key takes the case and phones the home', () => {
  expect(firstCall(anAlert(), 0, zh)).toMatchObject({ to: 'home', number: '0574-86293712' })
  expect(primaryWords(anAlert(), 's01', deskZh)).toEqual({ words: '接警并拨打家中电话', off: false })
})
it('where the script rings nobody (a device) the first key only takes it', () => {
  const silent = anAlert({ kind: 'device', script: { title: '设备离线', steps: [], ring: false } })
  expect(firstCall(silent, 0, zh)).toBeNull()
  expect(primaryWords(silent, 's01', deskZh).words).toBe('接警')
  expect(firstCall({ ...silent, script: { title: '整户失联', steps: [], ring: true } }, 0, zh)).toMatchObject({ to: 'home' })
})
it('a home without a telephone: the family is phoned', () => {
  expect(firstCall(anAlert({ place: {} }), 0, zh)).toMatchObject({ to: 'c1', label: '女儿 周女士' })
})
it('a case of somebody else says whose it is and cannot be taken', () => {
  const alert = anAlert({ state: 'acknowledged', owner: { id: 's02', name: '方静' } })
  expect(primaryWords(alert, 's01', deskZh)).toEqual({ words: '方静 处理中', off: true })
})
it('mine offers the call, and then the next one', () => {
  const mine = anAlert({ state: 'acknowledged', owner: { id: 's01', name: '陈敏芝' } })
  expect(primaryWords(mine, 's01', deskZh).words).toBe('拨打家中电话')
  expect(primaryWords({ ...mine, called: [{ to: 'home', result: 'no_answer' }] }, 's01', deskZh).words).toBe('再次拨打家中电话')
  // somebody answers: what is read and asked comes next, not the telephone again
  expect(primaryWords({ ...mine, called: [{ to: 'home', result: 'answered' }] }, 's01', deskZh)).toMatchObject({ words: '照着话术问', script: true })
  expect(primaryWords({ ...mine, called: [{ to: 'home', result: 'answered' }, { to: 'c1', result: 'busy' }] }, 's01', deskZh).script).toBeUndefined()
})
it('where step 1 sends somebody the first key sends and the second rings, until somebody goes', () => {
  const script = { title: '烟感报警', steps: [{ n: 1, when: '再次报警', do: '先派最近的人上门，再打电话', send: true }] }
  const again = anAlert({ script, resumed: true, state: 'acknowledged', owner: { id: 's02', name: '方静' } })
  expect([primaryWords(again, 's01', deskZh), ringWords(again, 's01', deskZh)]).toEqual([{ words: '接警并派人', off: false }, '拨打家中电话'])
  const mine = { ...again, resumed: false, owner: { id: 's01', name: '陈敏芝' } }
  expect([primaryWords(mine, 's01', deskZh), ringWords(mine, 's01', deskZh)]).toEqual([{ words: '派人上门', off: false }, '拨打家中电话'])
  expect(ringWords({ ...mine, script: { ...script, ring: false } }, 's01', deskZh)).toBeNull()
  expect(ringWords({ ...mine, owner: { id: 's02', name: '方静' } }, 's01', deskZh)).toBeNull()
  const sent = { ...mine, state: 'dispatched' as const }
  expect([primaryWords(sent, 's01', deskZh).words, ringWords(sent, 's01', deskZh)]).toEqual(['拨打家中电话', null])
  const going = { ...again, responders: [{ id: 's07', name: '林国平', state: 'departed' as const, at: '' }] }
  expect(primaryWords(going, 's01', deskZh).words).toBe('接警并拨打家中电话')
  expect(ringWords(anAlert(), 's01', deskZh)).toBeNull()
})
it('a silent desk is rung itself; other cases of the centre ring nobody', () => {
  const desk = anAlert({ kind: 'device', at_centre: true, cause: 'screens', place: { phone: '0574-1' }, contacts: [] })
  expect(firstCall(desk, 0, zh)).toMatchObject({ to: 'desk', number: '0574-1' })
  expect(isOutside(firstCall(desk, 0, zh)!)).toBe(false)
  expect(primaryWords(desk, 's01', deskZh).words).toBe('接警并拨打值班席')
  expect(primaryWords({ ...desk, place: {} }, 's01', deskZh).words).toBe('接警')
  expect(firstCall({ ...desk, cause: 'duty:desk' }, 0, zh)).toBeNull()
})

it('of many homes nobody is rung: the first key opens the list, before and after it is taken', () => {
  const area = anAlert({ kind: 'device', cause: 'area', script: { title: '整片失联', steps: [], ring: false }, welfare: [{ home: 'h1' }] as never })
  expect(primaryWords(area, 's01', deskZh)).toEqual({ words: '接警并逐户关照', off: false })
  const mine = { ...area, state: 'acknowledged' as const, owner: { id: 's01', name: '陈敏芝' } }
  expect(primaryWords(mine, 's01', deskZh)).toEqual({ words: '逐户关照', off: false, script: true })
  expect(primaryWords({ ...mine, welfare: [] }, 's01', deskZh)).toEqual({ words: '由您处理中', off: true })
})
