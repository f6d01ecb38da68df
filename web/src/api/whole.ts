import type { Alert } from './types'

/** A case with every list there: a redacted view leaves out what it may not know. */
export const whole = (alert: Alert): Alert => ({
  ...alert,
  owner: alert.owner ?? null,
  responders: alert.responders ?? [],
  findings: alert.findings ?? [],
  deliveries: alert.deliveries ?? [],
  outcome: alert.outcome ?? null,
  occurrences: alert.occurrences ?? 1,
  step: alert.step ?? 0,
})
