import { expect, it } from 'vitest'
import { anAlert } from '../testing'
import { en } from '../texts/en'
import { zh } from '../texts/zh'
import { furthest, placeOf, residentOf, residentWords, stateOf, unbroken } from './words'

it('both languages say what the service says: asked is not on the way', () => {
  const going = anAlert({ state: 'dispatched', state_words: '上门中', state_words_en: 'On the way' })
  expect([stateOf(going, 'zh', zh), stateOf(going, 'en', en)]).toEqual(['上门中', 'On the way'])
  const asked = anAlert({ state: 'dispatched', state_words: '已派人，待接单', state_words_en: 'Sent, nobody accepted yet' })
  expect(stateOf(asked, 'en', en)).toBe('Sent, nobody accepted yet')
  // an older service says nothing in English
  expect(stateOf(anAlert({ state: 'dispatched', state_words_en: '' }), 'en', en)).toBe('Sent')
})

it('a cut of an area names homes and nobody, though it is kept under the first of them', () => {
  const area = anAlert({ kind: 'device', code: 'TE5', cause: 'area', place: { estate_building: '银杏小区 3 幢', buildings: 1 }, welfare: ['h0317', 'h0402'].map((home) => ({ home })) as never })
  expect([placeOf(area, zh), residentWords(area, zh), residentWords(area, en), residentOf(area)]).toEqual(['银杏小区 3 幢', '2 户', '2 homes', null])
  const wide = { ...area, place: { estate_building: '银杏小区 3 幢', buildings: 4 } }
  expect([placeOf(wide, zh), placeOf(wide, en)]).toEqual(['银杏小区 3 幢等 4 处', '银杏小区 3 幢 and 3 more places'])
  expect(placeOf(anAlert(), zh)).toBe('银杏小区 3 幢 402 室')
})

it('a number stays with what it counts', () => {
  expect(unbroken('拨打家中座机，响铃 60 秒，接通后慢慢说')).toBe('拨打家中座机，响铃 60\u00a0秒，接通后慢慢说')
  expect(unbroken('转 119，通知微网格长')).toBe('转 119，通知微网格长')
})

it('who was sent is whoever was asked by name, the last of several; who was told with all others was not sent', () => {
  const one = (id: string, state: string, minute: number, asked: boolean) => ({ id, name: id, state, at: `2026-05-23T04:0${minute}:00Z`, asked, lead: false }) as never
  expect(furthest([one('paged', 'offered', 1, false)])).toBeNull()
  expect(furthest([one('paged', 'offered', 1, false), one('first', 'offered', 2, true), one('sent', 'offered', 3, true)])).toMatchObject({ id: 'sent' })
  expect(furthest([one('goes', 'accepted', 1, false), one('sent', 'offered', 3, true)])).toMatchObject({ id: 'goes' })
})
