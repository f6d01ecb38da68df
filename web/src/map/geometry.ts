/** Where things are on the schematic map (a box of 500 × 392). Pure. */
import type { Alert, CommunityMap, DutyPerson, Level, MapBuilding } from '../api/types'

export type Point = [number, number]
export const WIDTH = 500
export const HEIGHT = 392

export const points = (polygon: readonly Point[]): string => polygon.map(([x, y]) => `${x},${y}`).join(' ')

export const middle = ({ box: [x, y, w, h] }: MapBuilding): Point => [x + w / 2, y + h / 2]

const RANK: Record<Level, number> = { red: 3, yellow: 2, blue: 1 }

/** The worst open level of each building, of a case of many homes in all of theirs; blue is a task, not a place to run to, and stays uncoloured. */
export function coloured(map: CommunityMap, alerts: Iterable<Alert>): Map<string, Level> {
  const of = new Map<string, Level>()
  const byHome = new Map<string, string>()
  for (const building of map.buildings) for (const home of building.homes) byHome.set(home, building.id)
  for (const alert of alerts) for (const home of [alert.home, ...(alert.welfare ?? []).map((one) => one.home)]) {
    const building = home ? byHome.get(home) : undefined
    if (building === undefined || alert.level === 'blue') continue
    const known = of.get(building)
    if (known === undefined || RANK[alert.level] > RANK[known]) of.set(building, alert.level)
  }
  return of
}

/** A responder on the map: by position, else in their micro-grid. */
export function responderAt(map: CommunityMap, person: DutyPerson): Point | null {
  if (person.location) {
    const [lat, lon] = person.location
    const { origin } = map
    const x = origin.x + (lon - origin.lon) * origin.units_per_degree[1]
    const y = origin.y + (lat - origin.lat) * origin.units_per_degree[0]
    return [Math.min(WIDTH - 12, Math.max(12, x)), Math.min(HEIGHT - 12, Math.max(12, y))]
  }
  const micro = person.micro_grids?.[0]
  if (micro === undefined) return null
  for (const grid of map.grids) {
    const part = grid.micro_grids.find((one) => one.id === micro)
    if (part !== undefined) return part.at
    if (grid.id === micro) return grid.label
  }
  return null
}

/** Two people in one place stand beside each other, and nobody stands on the centre or on the case. */
export function spread(placed: readonly (Point | null)[], kept: readonly Point[] = []): (Point | null)[] {
  const taken: Point[] = [...kept]
  return placed.map((point) => {
    if (point === null) return null
    let [x, y] = point
    for (let turn = 0; taken.some(([a, b]) => Math.hypot(a - x, b - y) < 19) && turn < 36; turn += 1) {
      // rings of six, each wider and turned a little, until there is room
      const ring = Math.floor(turn / 6)
      const angle = (turn * Math.PI) / 3 + ring * 0.4
      x = Math.min(WIDTH - 12, Math.max(12, point[0] + Math.cos(angle) * 22 * (ring + 1)))
      y = Math.min(HEIGHT - 12, Math.max(12, point[1] + Math.sin(angle) * 22 * (ring + 1)))
    }
    taken.push([x, y])
    return [x, y]
  })
}

/** From the centre to the door, along the grid of streets. */
export function route(from: Point, to: Point): string {
  const bend: Point = [from[0] + (to[0] - from[0]) * 0.2, to[1] + (from[1] - to[1]) * 0.35]
  return `M${from[0]} ${from[1]}L${bend[0]} ${bend[1]}L${to[0]} ${bend[1]}L${to[0]} ${to[1]}`
}

export const riverPath = (river: CommunityMap['river']): string =>
  (river ?? []).map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${x} ${y}`).join('')

const WALK_METRES_A_MINUTE = 75 // 4.5 km/h, and
const DETOUR = 1.3 // a way on foot is longer than the straight line: both as the service reckons arrival (alerts/circle.py)
/** Radius of the circle that can be walked in the promised minutes, on the map. */
export const circleRadius = (map: CommunityMap, minutes: number): number =>
  (WALK_METRES_A_MINUTE * minutes) / DETOUR / map.metres_per_unit
