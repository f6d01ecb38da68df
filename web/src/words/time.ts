/** Times in words a person on duty reads at a glance: 「00:18」 under an hour, 「1 小时 05 分」 above. Pure. */
import type { Texts } from '../texts'

const two = (n: number): string => String(n).padStart(2, '0')

/** Seconds waited, as mm:ss; from an hour on in words; never negative (a clock may be a little ahead). */
export function waited(seconds: number, t: Texts): string {
  const whole = Math.max(0, Math.floor(seconds))
  if (whole < 3600) return `${two(Math.floor(whole / 60))}:${two(whole % 60)}`
  if (whole < 86_400) return t.time.hours(Math.floor(whole / 3600), two(Math.floor((whole % 3600) / 60)))
  return t.time.days(Math.floor(whole / 86_400), Math.floor((whole % 86_400) / 3600))
}

/** Minutes and seconds of a finished case: 8:42, 125:04. */
export function lasted(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  return `${Math.floor(whole / 60)}:${two(whole % 60)}`
}

/** How old a figure is: 「刚刚」, 「8 秒前」, 「5 分钟前」, 「2 小时前」. */
export function ago(seconds: number, t: Texts): string {
  const whole = Math.max(0, Math.floor(seconds))
  if (whole < 3) return t.time.justNow
  if (whole < 60) return t.time.secondsAgo(whole)
  if (whole < 3600) return t.time.minutesAgo(Math.floor(whole / 60))
  return t.time.hoursAgo(Math.floor(whole / 3600))
}

export const ms = (time: string | null | undefined): number | null => {
  if (time === null || time === undefined) return null
  const value = Date.parse(time)
  return Number.isNaN(value) ? null : value
}

export interface WallClock {
  clock: (at: number) => string
  minute: (at: number) => string
  day: (at: number) => string
  weekday: (at: number) => string
  hour: (at: number) => number
  /** day of the month */
  date: (at: number) => number
}

/** A moment beside others of today: 「09:43」; of another day with it: 「11 月 29 日 09:43」. What is old must not read as if it were of today. */
export const moment = (at: number, now: number, clock: WallClock): string => (clock.day(at) === clock.day(now) ? '' : `${clock.day(at)} `) + clock.minute(at)

const clocks = new Map<string, WallClock>()

/** Clock faces in the community's time zone, 24 h. Formatters are costly to make, so they are kept. */
export function wallClock(zone: string, language: string): WallClock {
  const key = `${zone} ${language}`
  const known = clocks.get(key)
  if (known) return known
  const form = (options: Intl.DateTimeFormatOptions, locale = language) => {
    const made = new Intl.DateTimeFormat(locale, { timeZone: zone, hourCycle: 'h23', ...options })
    return (at: number) => made.format(at)
  }
  const month = form({ month: 'numeric' }, 'en')
  const date = form({ day: 'numeric' }, 'en')
  const hour = form({ hour: '2-digit' }, 'en')
  const made: WallClock = {
    clock: form({ hour: '2-digit', minute: '2-digit', second: '2-digit' }, 'en-GB'),
    minute: form({ hour: '2-digit', minute: '2-digit' }, 'en-GB'),
    day: language.startsWith('zh') ? (at) => `${month(at)} 月 ${date(at)} 日` : form({ month: 'short', day: 'numeric' }),
    weekday: form({ weekday: language.startsWith('en') ? 'short' : 'long' }),
    hour: (at) => Number(hour(at)),
    date: (at) => Number(date(at)),
  }
  clocks.set(key, made)
  return made
}
