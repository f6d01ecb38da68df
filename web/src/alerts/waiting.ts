/** Does a case wait for somebody? Of its own, so that a phone need not load the order of a queue it does not show. Pure. */
import type { Alert } from '../api/types'

export const isUnacknowledged = (alert: Alert): boolean => alert.state === 'new' || alert.resumed === true
export const isWaitingRed = (alert: Alert): boolean => alert.level === 'red' && isUnacknowledged(alert)
