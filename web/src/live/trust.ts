/**
 * May the picture be believed? Asked before anything is drawn. A stale screen must never look calm. Pure.
 * The limits are ux.md 6.2: heartbeats come every 5 s, so 6 s of silence is one missed and 12 s is two. A browser that says it has
 * no network is believed at once, until something is heard all the same; one that says it has is no proof of anything.
 */
import type { Picture } from './reduce'

export const STALE_AFTER_MS = 6_000
export const DOWN_AFTER_MS = 12_000
export const REOPEN_AFTER_MS = 24_000
export const DEVICES_SILENT_AFTER_S = 60

export type Link = 'live' | 'stale' | 'down'

export interface Trust {
  link: Link
  /** how long we have heard nothing, by our own clock */
  silent_ms: number
  /** a live link to a server that hears no device is not proof of anything */
  devices: 'heard' | 'silent'
  /** no snapshot yet: there is no picture to believe */
  waiting: boolean
  /** the technical sound is due */
  trouble: boolean
}

export interface Heard {
  heard_ms: number | null
  opened_ms: number
  has_picture: boolean
  resync: boolean
  ingest_age: number | null
  /** when the browser last said that it has no network */
  offline_ms: number | null
}

export function heardBy(picture: Picture, opened_ms: number, offline_ms: number | null): Heard {
  return {
    heard_ms: picture.heard_ms,
    opened_ms,
    has_picture: picture.epoch !== null,
    resync: picture.resync,
    ingest_age: picture.ingest_age,
    offline_ms,
  }
}

export function trust(heard: Heard, now_ms: number): Trust {
  const silent_ms = Math.max(0, now_ms - (heard.heard_ms ?? heard.opened_ms))
  const cut = heard.offline_ms !== null && heard.offline_ms <= now_ms && (heard.heard_ms ?? 0) <= heard.offline_ms
  const link: Link = silent_ms > DOWN_AFTER_MS ? 'down' : silent_ms > STALE_AFTER_MS || cut || !heard.has_picture ? 'stale' : 'live'
  // while the link is silent the age we last heard of grows with it
  const age = heard.ingest_age === null ? null : heard.ingest_age + silent_ms / 1000
  const devices = heard.has_picture && age !== null && age > DEVICES_SILENT_AFTER_S ? 'silent' : 'heard'
  const waiting = !heard.has_picture
  return { link, silent_ms, devices, waiting, trouble: (link !== 'live' && !(waiting && silent_ms <= STALE_AFTER_MS)) || devices === 'silent' }
}
