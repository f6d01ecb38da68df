/** In which building of the map a case is. Pure; apart from the drawing, which comes later. */
import type { Alert, CommunityMap, MapBuilding } from '../api/types'

export function buildingOf(map: CommunityMap, home: string | null | undefined): MapBuilding | null {
  return home ? (map.buildings.find((building) => building.homes.includes(home)) ?? null) : null
}

/** Of homes in several buildings none is the place: all of them are coloured, and no way leads to the first. */
export function theBuilding(map: CommunityMap | null, focus: Alert | null): MapBuilding | null {
  return map === null || (focus?.place?.buildings ?? 1) > 1 ? null : buildingOf(map, focus?.home)
}
