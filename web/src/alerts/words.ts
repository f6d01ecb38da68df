/** A case in words: the same words in the queue, in the centre and in the drawer. Pure. */
import type { Alert, Place, Resident, Responder } from '../api/types'
import type { Language, Texts } from '../texts'
import { ms, waited } from '../words/time'

/** the title, with the mark of a practice home in front of it wherever it is shown */
export const titleOf = (alert: Pick<Alert, 'title' | 'kind' | 'level'> & { title_en?: string | null; simulated?: boolean }, language: Language, t: Texts): string =>
  (alert.simulated === true ? t.app.mark : '') + plainTitle(alert, language, t)
/** Without English of the service's own a case is named by its kind; a wall is told only the level of a yellow or blue one. */
const plainTitle = (alert: Pick<Alert, 'title' | 'kind' | 'level'> & { title_en?: string | null }, language: Language, t: Texts): string =>
  language === 'zh' ? alert.title : (alert.title_en ?? (alert.kind === 'other' ? t.levels[alert.level].meaning : t.kinds[alert.kind]))

export function stateOf(alert: Alert, language: Language, t: Texts): string {
  // whether somebody is on the way or was only asked, why a case is loud again, that nobody came in time: the service knows
  const words = language === 'zh' ? alert.state_words : alert.state_words_en
  if (words) return words
  return t.states[alert.state]
}

/** Advice was given on the telephone: how long until the home is rung again, or that the time is over; the wall, too, is told of it. */
export function recheckWords(alert: Alert, now: number, words: { recheck: (time: string) => string; recheckDue: string }, t: Texts): string {
  const due = ms(alert.recheck_at)
  return due === null ? '' : due <= now ? words.recheckDue : words.recheck(waited((due - now) / 1000, t))
}

/** 「2 单元 402」 taken apart: the room stands beside the building in large, the unit in the line below. */
export function doorOf(place: Place | null | undefined): { unit: string; room: string } {
  const whole = place?.unit_room?.trim() ?? ''
  const [, unit = '', rest = whole] = /^(\d+\s*单元)\s*(.+)$/.exec(whole) ?? []
  return { unit, room: /^\d+$/.test(rest) ? `${rest} 室` : rest }
}

/** Letters that run from right to left, or a mark that says so, turn round nothing but themselves. */
const apart = (words: string): string => (/[\u0590-\u08ff\u200f\u202a-\u202e\u2066-\u2069]/.test(words) ? `\u2068${words}\u2069` : words)

/** Of many homes: kept under the first of them, about nobody there in particular. */
export const isArea = (alert: Alert): boolean => alert.cause === 'area'

/** The building; of many homes the first, and in how many they are. */
export function buildingOf(alert: Alert, t: Texts): string {
  const { estate_building: named, buildings } = alert.place ?? {}
  return named ? (buildings != null && buildings > 1 ? t.hero.places(named, buildings) : named) : ''
}

/** Where it is; a home of which no address is written down is still told apart from others, by its id. */
export function placeOf(alert: Alert, t: Texts): string {
  const parts = [buildingOf(alert, t), doorOf(alert.place).room].filter((part) => part !== '')
  return apart(parts.length > 0 ? parts.join(' ') : (alert.place?.address ?? alert.home ?? ''))
}

export const residentOf = (alert: Alert): Resident | null => isArea(alert) ? null :
  alert.people?.find((one) => one.id === alert.resident) ?? alert.people?.[0] ?? null

export function residentWords(alert: Alert, t: Texts): string {
  const one = residentOf(alert)
  if (isArea(alert)) return t.queue.homes(alert.welfare?.length ?? 0)
  if (one === null) return ''
  return one.age ? t.queue.person(apart(one.name), one.age) : apart(one.name)
}

export function ownerWords(alert: Alert, t: Texts): string {
  if (alert.state === 'new') return t.queue.nobody
  return alert.owner?.name ?? ''
}

/** What has just happened on the way to the home: the responder who is furthest; of several the last. Who was only told with the others was not sent. */
export function furthest(responders: readonly Responder[]): Responder | null {
  const rank = { arrived: 4, departed: 3, accepted: 2, offered: 1, declined: 0, left: 0 } as const
  const sent = responders.filter((one) => one.state !== 'offered' || one.asked !== false)
  return sent.reduce<Responder | null>((best, one) => (best === null || rank[one.state] > rank[best.state] || (one.state === best.state && (one.at ?? '') > (best.at ?? '')) ? one : best), null)
}

/** 「设备离线 × 9」: many devices, one cause, one case. */
export const merged = (alert: Alert): number =>
  new Set(alert.findings.map((finding) => finding.device ?? finding.finding)).size

/** A number stays with what it counts: 「60 秒」 is not broken in two. */
export const unbroken = (words: string): string => words.replace(/(\d) (?=[\u4e00-\u9fff])/g, '$1\u00a0')

/** A tag of a person in the screen's language. */
export const tagWords = (tag: { word: string; en?: string | null }, language: Language): string => (language === 'en' ? (tag.en ?? tag.word) : tag.word)
