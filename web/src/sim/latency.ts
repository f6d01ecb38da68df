/** How long things took, in bins that grow: what an eye can tell apart. Pure. */
export const EDGES_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30] as const

export interface LatencyBin {
  words: string
  count: number
  share: number
}

/** One bin for each edge, and one for what took longer. */
export function binsOf(seconds: readonly number[]): LatencyBin[] {
  const bins = [...EDGES_S.map((edge) => ({ words: `≤ ${edge}`, count: 0, share: 0 })), { words: `> ${EDGES_S.at(-1)}`, count: 0, share: 0 }]
  for (const one of seconds) bins.at(EDGES_S.findIndex((edge) => one <= edge))!.count += 1
  const most = Math.max(1, ...bins.map((bin) => bin.count))
  return bins.map((bin) => ({ ...bin, share: bin.count / most }))
}

export function medianOf(seconds: readonly number[]): number | null {
  if (seconds.length === 0) return null
  const ordered = [...seconds].sort((a, b) => a - b)
  const middle = ordered.length >> 1
  return ordered.length % 2 === 1 ? ordered[middle]! : (ordered[middle - 1]! + ordered[middle]!) / 2
}
