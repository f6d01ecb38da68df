/** The community's promises, read back from a case's own clock; the contract's defaults where no case is shown. Pure. */
import type { Alert } from './api/types'
import { openedAt } from './alerts/order'
import { ms } from './words/time'

export interface Policy {
  acknowledge_seconds: number
  arrive_minutes: number
}

/** The ladder of a red case stands at ½×, 1×, 2× `acknowledge_seconds` (contract section 5): its third step is 1×. */
export function policyOf(alert: Alert | null): Policy {
  const opened = alert === null ? null : openedAt(alert)
  const by = ms(alert?.arrive_by)
  const steps = alert?.level === 'red' ? (alert.ladder ?? []).filter((step) => step.promise !== true) : []
  const third = steps.find((step) => step.step === 2)?.at_seconds
  return {
    acknowledge_seconds: third !== undefined && third > 0 ? third : 60,
    arrive_minutes: opened !== null && by !== null && by > opened ? Math.round((by - opened) / 60_000) : 10,
  }
}
