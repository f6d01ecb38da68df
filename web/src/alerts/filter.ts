/** Search in the queue by name, address, phone, number or device. It can never hide a red. Pure. */
import type { Alert } from '../api/types'
import type { Queue } from './order'

function found(alert: Alert, wanted: string): boolean {
  const words = [
    alert.title, String(alert.number), alert.code, alert.owner?.name, alert.place?.address, alert.place?.estate_building, alert.place?.unit_room, alert.place?.phone,
    ...(alert.people ?? []).map((one) => one.name), ...(alert.contacts ?? []).map((one) => one.phone), ...alert.findings.map((finding) => finding.device),
  ]
  return words.some((word) => word?.toLowerCase().includes(wanted))
}

export function filtered(queue: Queue, text: string): { queue: Queue; hidden: number } {
  const wanted = text.trim().toLowerCase()
  if (wanted === '') return { queue, hidden: 0 }
  let hidden = 0
  const keep = (list: Alert[]): Alert[] =>
    list.filter((alert) => {
      const stays = alert.level === 'red' || found(alert, wanted)
      if (!stays) hidden += 1
      return stays
    })
  return { queue: { ...queue, yellow: keep(queue.yellow), inHand: keep(queue.inHand), blue: keep(queue.blue) }, hidden }
}
