/** What a case needs before it may be closed, and what is offered first. Pure. */
import type { Alert, ScriptQuestion, Suggestion } from '../api/types'
import type { Answer } from './answers'

export interface Draft {
  cause: string
  verification: string
  actions: string[]
  outcome: string
  truth: string
  note: string
  /** number given by 119 or 120; empty with `refused` when they gave none */
  reference: string
  noReference: boolean
}

export type Field = 'cause' | 'verification' | 'actions' | 'outcome' | 'truth' | 'reference'

export const NOT_REACHED = 'O5'
export const SAFE = 'O1'
const EMERGENCY_ACTIONS = ['A3', 'A4'] // 120 and 119, domain.md: outcome codes

export type Offer = Pick<Draft, 'cause' | 'verification' | 'actions' | 'outcome' | 'truth'>
export const OFFERED = ['cause', 'verification', 'actions', 'outcome', 'truth'] as const

const REAL = 'real'

/** One answer's offer upon those before it. What was said to be real stays real: no later 「碰到的」 makes it a mistake. */
function upon(before: Offer, offer: Suggestion): Offer {
  const truth = offer.truth ?? ''
  if (before.truth === REAL && truth !== '' && truth !== REAL) return before
  const instead = truth !== ''
  const pick = (had: string, given: string | null | undefined): string => (given && (instead || had === '') ? given : had)
  // a danger that comes to light later takes a comforting outcome back
  const outcome = truth === REAL && before.truth !== REAL ? (offer.outcome ?? '') : pick(before.outcome, offer.outcome)
  return {
    ...before,
    cause: pick(before.cause, offer.cause),
    outcome,
    truth: pick(before.truth, truth),
    actions: [...new Set([...before.actions, ...(offer.actions ?? [])])],
  }
}

/**
 * What may be chosen beforehand: what the devices have shown, what was answered, and what the case itself knows, whom
 * somebody reached (V1, V2), who was there (V4, A2) and which service was called (A3, A4). Nothing besides: a case of which
 * nobody has heard anything has an empty form, so that no single press makes an unanswered call for help a mistake.
 */
export function offered(alert: Alert, path: readonly ScriptQuestion[], answers: Readonly<Record<string, Answer>>): Offer {
  let offer: Offer = { cause: '', verification: '', actions: [], outcome: '', truth: '' }
  const shown = alert.script?.suggest
  if (shown) offer = upon(offer, shown)
  for (const question of path) {
    const answer = answers[question.id]
    const said = answer === undefined ? null : answer.yes ? question.offer?.yes : question.offer?.no
    if (said) offer = upon(offer, said)
  }
  const reached = (alert.called ?? []).filter((one) => one.result === 'answered').map((one) => one.to)
  const there = alert.responders.some((one) => one.arrived_at || one.state === 'arrived')
  const done = [there ? 'A2' : '', reached.includes('120') ? 'A3' : '', reached.includes('119') ? 'A4' : ''].filter(Boolean)
  // of the centre itself, and of a device, the service hears by itself that it is over: that is what sensors can bear out (docs/adr/0020)
  const heard = (alert.at_centre || alert.kind === 'device') && alert.condition === 'cleared'
  const contacts = new Set((alert.contacts ?? []).map((one) => one.id))
  return {
    ...offer,
    verification: there ? 'V4' : reached.includes('home') ? 'V1' : reached.some((one) => contacts.has(one)) ? 'V2' : heard ? 'V6' : alert.at_centre && reached.includes('desk') ? 'V1' : '',
    actions: [...new Set([...offer.actions, ...done])].sort(),
  }
}

/** Ways in which something at the centre itself can be known: by going there, by the service, by whoever sits there. */
const AT_CENTRE = ['V6', 'V4', 'V1']

/** Codes with those before the others that such a case mostly ends in. Nothing is left out, and nothing is chosen by it. */
export function likelyFirst<T extends { code: string }>(alert: Alert, field: string, codes: readonly T[]): T[] {
  const first = field === 'cause' ? (alert.script?.causes ?? []) : field === 'verification' && alert.at_centre ? AT_CENTRE : []
  const rank = (code: string): number => (first.includes(code) ? first.indexOf(code) : first.length)
  return [...codes].sort((a, b) => rank(a.code) - rank(b.code))
}

export const freshDraft = (offer: Offer): Draft => ({ ...offer, actions: [...offer.actions], note: '', reference: '', noReference: false })

/** Fields still missing, in the order of the form. Red and yellow need all four codes; a blue may close with none. */
export function missing(level: Alert['level'], draft: Draft): Field[] {
  const fields: Field[] = []
  if (level !== 'blue') {
    if (draft.cause === '') fields.push('cause')
    if (draft.verification === '') fields.push('verification')
    if (draft.actions.length === 0) fields.push('actions')
    if (draft.outcome === '') fields.push('outcome')
    if (draft.truth === '') fields.push('truth')
  }
  if (needsReference(draft) && draft.reference.trim() === '' && !draft.noReference) fields.push('reference')
  return fields
}

export const needsReference = (draft: Draft): boolean => draft.actions.some((code) => EMERGENCY_ACTIONS.includes(code))

/** Somebody nobody reached is not a closed case: O5 keeps it open, whatever else is filled in. */
export const isNotReached = (draft: Draft): boolean => draft.outcome === NOT_REACHED

export function closeBody(draft: Draft, referenceWords: (reference: string | null) => string): Record<string, unknown> {
  const reference = needsReference(draft) ? referenceWords(draft.noReference ? null : draft.reference.trim()) : ''
  const body: Record<string, unknown> = { note: [reference, draft.note.trim()].filter((part) => part !== '').join('；') }
  if (draft.cause !== '') body['cause'] = draft.cause
  if (draft.verification !== '') body['verification'] = draft.verification
  if (draft.actions.length > 0) body['actions'] = draft.actions
  if (draft.outcome !== '') body['outcome'] = draft.outcome
  if (draft.truth !== '') body['truth'] = draft.truth
  return body
}
