/** What of the queue is wanted: words (name, address, phone, number, device), a grid, a kind, one's own. It can never hide a red. Pure. */
import type { Alert } from '../api/types'
import { walk, type Queue } from './order'

function found(alert: Alert, wanted: string): boolean {
  const words = [
    alert.title, String(alert.number), alert.code, alert.owner?.name, alert.place?.address, alert.place?.estate_building, alert.place?.unit_room, alert.place?.phone,
    ...(alert.people ?? []).map((one) => one.name), ...(alert.contacts ?? []).map((one) => one.phone), ...alert.findings.map((finding) => finding.device),
  ]
  return words.some((word) => word?.toLowerCase().includes(wanted))
}

export interface Filter {
  text: string
  /** the grid's name, as the case's place tells it */
  grid: string
  kind: string
  /** those that I have taken */
  mine: boolean
}
export const NO_FILTER: Filter = { text: '', grid: '', kind: '', mine: false }
export const isFiltering = (filter: Filter): boolean => filter.text.trim() !== '' || filter.grid !== '' || filter.kind !== '' || filter.mine

export function filtered(queue: Queue, filter: Filter, me: string | null): { queue: Queue; hidden: number; hits: number } {
  if (!isFiltering(filter)) return { queue, hidden: 0, hits: 0 }
  const wanted = filter.text.trim().toLowerCase()
  let hidden = 0
  const fits = (alert: Alert): boolean =>
    (wanted === '' || found(alert, wanted)) && (filter.grid === '' || alert.place?.grid === filter.grid) &&
    (filter.kind === '' || alert.kind === filter.kind) && (!filter.mine || (me !== null && alert.owner?.id === me))
  const keep = (list: Alert[]): Alert[] =>
    list.filter((alert) => {
      const stays = alert.level === 'red' || fits(alert)
      if (!stays) hidden += 1
      return stays
    })
  // reds stay whether they fit or not: how many do is said
  const hits = walk(queue).filter(fits).length
  return { hits, queue: { ...queue, yellow: keep(queue.yellow), inHand: keep(queue.inHand), blue: keep(queue.blue) }, hidden }
}
