/** A phone call as the desk keeps it until its result is known. Pure. */
import type { Alert, CallResult } from '../api/types'
import { isArea } from '../alerts/words'
import { said, type Texts } from '../texts'
import type { DeskTexts } from '../texts/desk'

export interface Call {
  alert: string
  /** home, desk, 119, 120, or a contact's id: what the service is told */
  to: string
  label: string
  number: string
  started_ms: number
}

/** One key each, all under the left hand while the right holds the receiver. */
export const CALL_KEYS: readonly { key: string; result: CallResult }[] = [
  { key: 'Z', result: 'answered' },
  { key: 'X', result: 'no_answer' },
  { key: 'C', result: 'busy' },
  { key: 'V', result: 'refused' },
  { key: 'B', result: 'wrong_number' },
]

/** The names of those who are no person. */
type Words = { call: Pick<Texts['call'], 'home' | 'desk'> }

/** Whom the first key phones; nobody where the script says so (a device, an area). A silent desk is rung itself. */
export function firstCall(alert: Alert, started_ms: number, t: Words): Call | null {
  const phone = alert.place?.phone
  if (alert.at_centre) return phone && alert.cause === 'screens' ? { alert: alert.id, to: 'desk', label: t.call.desk, number: phone, started_ms } : null
  if (alert.script?.ring === false) return null
  if (phone) return contactCall(alert, 'home', started_ms, t)
  const contact = alert.contacts?.find((one) => one.phone)
  if (!contact) return null
  return { alert: alert.id, to: contact.id, label: contactWords(contact), number: contact.phone!, started_ms }
}

/** The home itself, or one of the family, whoever the person chooses. */
export function contactCall(alert: Alert, contactId: string, started_ms: number, t: Words): Call | null {
  if (contactId === 'home') return alert.place?.phone ? { alert: alert.id, to: 'home', label: t.call.home, number: alert.place.phone, started_ms } : null
  const contact = alert.contacts?.find((one) => one.id === contactId)
  if (!contact?.phone) return null
  return { alert: alert.id, to: contact.id, label: contactWords(contact), number: contact.phone, started_ms }
}

/** The first of the family whom nobody has reached yet: who is rung while somebody walks there. */
export function familyToRing(alert: Alert): { id: string; label: string } | null {
  const reached = new Set((alert.called ?? []).filter((one) => one.result === 'answered').map((one) => one.to))
  const found = alert.contacts?.find((one) => one.phone && !reached.has(one.id))
  return found === undefined ? null : { id: found.id, label: contactWords(found) }
}

export const emergencyCall = (alert: Alert, number: '119' | '120', started_ms: number): Call => ({
  alert: alert.id, to: number, label: number, number, started_ms,
})

/** Whom a call rings, in the language of now: it may be changed while it rings. */
export const labelOf = (call: Call, t: Words): string => (call.to === 'home' || call.to === 'desk' ? t.call[call.to] : call.label)

/** Whoever is rung is neither the home, the desk nor an emergency service: they may say that the person is with them. */
export const isOutside = (call: Call): boolean => !['home', 'desk', '119', '120'].includes(call.to)

export const contactWords = (one: { relation?: string | null; relation_en?: string | null; name: string }): string => [said(one.relation ?? '', one.relation_en), one.name].filter(Boolean).join(' ')

const GOING = ['accepted', 'departed', 'arrived']
/** Step 1 of the script sends somebody, and nobody goes yet: the first key opens the people, ringing is the second. */
export const sendsFirst = (alert: Alert): boolean =>
  alert.script?.steps[0]?.send === true && !alert.responders.some((one) => GOING.includes(one.state)) && (alert.resumed === true || alert.state === 'new' || alert.state === 'acknowledged')

/** Whom the first key rings, in whatever words; null when nobody is to be rung. */
const rung = (alert: Alert): 'home' | 'desk' | 'family' | null => {
  const to = firstCall(alert, 0, NO_WORDS)?.to
  return to === undefined ? null : to === 'home' || to === 'desk' ? to : 'family'
}
const NO_WORDS = { call: { home: '', desk: '' } }

/** What the second key rings while the first one sends; null when nobody is to be rung. */
export function ringWords(alert: Alert, mine: string | null, d: DeskTexts): string | null {
  const to = sendsFirst(alert) && !primaryWords(alert, mine, d).off ? rung(alert) : null
  return to === null ? null : to === 'home' ? d.actions.call : d.actions.callFamily
}

/** Of many homes: there is no one to ring, the list says whom to look after. */
export const hasList = (alert: Alert): boolean => isArea(alert) && (alert.welfare ?? []).length > 0

/** The words on the first key, after what is known and who holds the case; `script`: it opens what is to be asked, or whom. */
export function primaryWords(alert: Alert, mine: string | null, { actions: a }: DeskTexts): { words: string; off: boolean; script?: boolean } {
  const to = rung(alert)
  if (alert.state === 'new' || alert.resumed === true) {
    if (sendsFirst(alert)) return { words: a.takeAndSend, off: false }
    if (to === null) return { words: hasList(alert) ? a.takeAndHomes : a.take, off: false }
    return { words: to === 'home' ? a.takeAndCall : to === 'desk' ? a.takeAndCallDesk : a.takeAndCallFamily, off: false }
  }
  if (mine === null || alert.owner?.id !== mine) return { words: a.ownedBy(alert.owner?.name ?? ''), off: true }
  if (sendsFirst(alert)) return { words: a.dispatch, off: false }
  if (to === null) return hasList(alert) ? { words: a.homes, off: false, script: true } : { words: a.yours, off: true }
  if (to !== 'home') return { words: to === 'desk' ? a.callDesk : a.callFamily, off: false }
  // somebody answers: now the sentence is read and the questions are asked
  if (alert.called?.at(-1)?.to === 'home' && alert.called.at(-1)?.result === 'answered') return { words: a.script, off: false, script: true }
  return { words: (alert.called ?? []).some((one) => one.to === 'home') ? a.callAgain : a.call, off: false }
}
