/**
 * The way to the door in words, out of what the site file says and nothing else: what is not registered is named as such, so
 * that nobody looks for it; what the service has not told yet (a task accepted without a network) is to come, never missing. There is no street map here: the direction and the straight line, and the phone's own map. Pure.
 */
import type { Place } from '../api/types'
import { said } from '../texts'

export interface Way {
  start: 'post' | 'micro_grid' | 'centre'
  start_name?: string | null
  metres: number
  /** degrees from north, clockwise */
  bearing: number
}

export interface RouteWords {
  from: Record<Way['start'], (name: string) => string>
  towards: readonly string[]
  line: (from: string, towards: string, metres: string) => string
  here: string
  key: (where: string) => string
  unit: (building: string, unit: string) => string
  code: string
  up: (floor: number, lift: boolean | null | undefined) => string
  room: (room: string) => string
  missing: (names: string) => string
  later: string
  key_name: string
  code_name: string
  floor_name: string
}

/** so near that a direction says nothing */
const HERE_METRES = 25

const rounded = (metres: number): number => (metres < 100 ? Math.max(10, Math.round(metres / 10) * 10) : metres < 1000 ? Math.round(metres / 50) * 50 : Math.round(metres / 100) * 100)

/** The steps in their order, and what the site file does not say (in the language's own list form) once it is `told` here. */
export function route(way: Way | null | undefined, place: Place | null | undefined, door: { unit: string; room: string }, told: boolean, w: RouteWords, list: (parts: string[]) => string): string[] {
  if (!place) return []
  const steps: string[] = []
  if (way) {
    const from = w.from[way.start](way.start_name ?? '')
    const towards = w.towards[Math.round((((way.bearing % 360) + 360) % 360) / 45) % 8] ?? ''
    steps.push(way.metres < HERE_METRES ? w.here : w.line(from, towards, String(rounded(way.metres))))
  }
  if (place.key) steps.push(w.key(said(place.key, place.key_en)))
  if (place.estate_building) steps.push(w.unit(place.estate_building, door.unit))
  if (place.door_code) steps.push(w.code)
  if (place.floor) steps.push(w.up(place.floor, place.lift))
  if (door.room) steps.push(w.room(door.room))
  const missing = [place.key ? '' : w.key_name, place.door_code ? '' : w.code_name, place.floor ? '' : w.floor_name].filter(Boolean)
  if (!told) steps.push(w.later)
  else if (missing.length > 0) steps.push(w.missing(list(missing)))
  return steps
}

/**
 * A place for the map app that the person has chosen: `geo:` hands the coordinates to it without any service of ours or
 * anybody's website between; iPhones know `maps:` instead. The bare place: nobody's name or address goes along.
 */
export function mapLink(location: readonly number[] | null | undefined, agent: string): string | null {
  if (!location || location.length < 2) return null
  const at = `${location[0]!.toFixed(6)},${location[1]!.toFixed(6)}`
  return /iPhone|iPad|iPod/.test(agent) ? `maps://?daddr=${at}&dirflg=w` : `geo:${at}?q=${at}`
}
