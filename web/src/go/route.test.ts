import { describe, expect, it } from 'vitest'
import { doorOf } from '../alerts/words'
import { mapLink, route } from './route'
import { english } from './words.en'
import { chinese } from './words.zh'

const place = { estate_building: '银杏小区 3 幢', unit_room: '2 单元 402', floor: 4, lift: false, key: '邻里中心 07 号柜', door_code: true, location: [29.9532, 121.7104] as [number, number] }
const zh = (parts: string[]): string => parts.join('、')

describe('the way in words', () => {
  it('goes from the post to the door, in the order in which it is walked', () => {
    const way = { start: 'micro_grid' as const, start_name: '5-2 微网格', metres: 123, bearing: 47 }
    expect(route(way, place, doorOf(place), true, chinese.route, zh)).toEqual([
      '从 5-2 微网格往东北，直线约 100 米（怎么走看地图）', '先取钥匙：邻里中心 07 号柜', '到银杏小区 3 幢，进 2 单元', '单元门要密码，点下面「查看密码」', '走楼梯上 4 楼', '敲 402 室',
    ])
  })
  it('names what is not registered and invents nothing', () => {
    const bare = { ...place, key: null, door_code: false, floor: null, lift: null, unit_room: null, estate_building: '红枫苑' }
    expect(route(null, bare, doorOf(bare), true, chinese.route, zh)).toEqual(['到红枫苑', '没有登记：钥匙、单元门密码、楼层'])
    expect(route(null, null, doorOf(null), true, chinese.route, zh)).toEqual([])
    expect(route({ start: 'post', metres: 12, bearing: 0 }, place, doorOf(place), true, chinese.route, zh)[0]).toBe('就在附近')
  })
  it('says of what the service has not told yet that it is to come, never that it is not registered', () => {
    const offered = { estate_building: '银杏小区 3 幢', floor: 4, lift: false }
    expect(route(null, offered, doorOf(offered), false, chinese.route, zh)).toEqual(['到银杏小区 3 幢', '走楼梯上 4 楼', '房号、钥匙、单元门密码：联网后显示'])
    expect(route(null, offered, doorOf(offered), false, english.route, zh).at(-1)).toBe('Flat, key and entrance code: shown when online')
  })
  it.each([[0, '北'], [44, '东北'], [90, '东'], [-45, '西北'], [337, '西北'], [338, '北'], [359.9, '北'], [180, '南']])('calls %s degrees %s', (bearing, name) => {
    expect(route({ start: 'post', metres: 400, bearing }, place, doorOf(place), true, chinese.route, zh)[0]).toContain(`往${name}，直线约 400 米`)
  })
  it('speaks English, but for names', () => {
    const way = { start: 'post' as const, metres: 1240, bearing: 200 }
    expect(route(way, { ...place, lift: true, key: null }, doorOf(place), true, english.route, (parts) => parts.join(', '))).toEqual([
      'From your post to the south, about 1200 m in a straight line (the map shows the way)', 'To 银杏小区 3 幢, entrance 2 单元', 'The entrance has a code: press “Show the door code” below', 'Lift to floor 4', 'Knock at 402 室', 'Not registered: key',
    ])
  })
  it('hands bare coordinates to the map of the phone', () => {
    expect(mapLink(place.location, 'Android')).toBe('geo:29.953200,121.710400?q=29.953200,121.710400')
    expect(mapLink(place.location, 'iPhone OS 19')).toBe('maps://?daddr=29.953200,121.710400&dirflg=w')
    expect(mapLink(null, 'Android')).toBeNull()
  })
})
