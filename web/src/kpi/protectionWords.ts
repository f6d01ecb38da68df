/** Words of protection over time, in both languages; they load with its panel. */
import { computed } from 'vue'
import { language } from '../texts'
import type { Widen } from '../texts/both'

const zh = {
  title: '防护时数', loading: '正在读取', away: '暂时读不到历史，现在说不准', noHours: '还没有记录', under: '未达标', target: (n: number) => `目标 ${n}%`, homes: (n: number) => `${n} 户`, comma: '，', few: (n: number) => `少于 ${n} 户，不单列`, unit: '户时', csv: '导出 CSV',
  states: { protected: '完好', partly: '部分', not: '无', unknown: '不知道' }, unknownHint: '「不知道」是服务没有在判断的时间，不算有防护', share: (n: string) => (n === '' ? '没有记录' : `完好 ${n}%`), byDay: '逐日防护', lostByDay: '逐日缺失的户时', most: (n: string) => `最多一天 ${n}`, causes: '缺失时数的原因', where: '住户', homesShort: '户数', homeHours: '户时', nothingLost: '这段时间每户都防护完好', asOf: (at: string) => `算到 ${at}`, since: (day: string) => `${day} 起有记录`,
  home: (share: string, lost: string) => `本月完好 ${share}%${lost}`, homeLost: (words: string) => `（${words}）`, hoursOf: (state: string, n: string) => `${state} ${n} 小时`,
}

const en: Widen<typeof zh> = {
  title: 'Protected home-hours', loading: 'Loading', away: 'Past records cannot be read just now', noHours: 'nothing on record yet', under: 'below target', target: (n) => `target ${n}%`, homes: (n) => `${n} homes`, comma: ', ', few: (n) => `Fewer than ${n} homes: not told apart`, unit: 'h', csv: 'CSV',
  states: { protected: 'Protected', partly: 'Partly', not: 'Not', unknown: 'Not known' }, unknownHint: '“Not known” is when the service was not judging; it never counts as protected', share: (n) => (n === '' ? 'nothing on record' : `protected ${n}%`), byDay: 'Day by day', lostByDay: 'Home-hours lost by day', most: (n) => `most in a day: ${n}`, causes: 'What took the hours', where: 'Home', homesShort: 'Homes', homeHours: 'Home-hours', nothingLost: 'Every home was protected all this time', asOf: (at) => `up to ${at}`, since: (day) => `on record since ${day}`,
  home: (share, lost) => `Protected ${share}% this month${lost}`, homeLost: (words) => ` (${words})`, hoursOf: (state, n) => `${state.toLowerCase()} ${n} h`,
}

export const words = computed(() => (language.value === 'zh' ? zh : en))
