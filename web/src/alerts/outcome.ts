/** What a case needs before it may be closed, and what is offered first. Pure. */
import type { Alert, Suggestion } from '../api/types'

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
const EMERGENCY_ACTIONS = ['A3', 'A4'] // 120 and 119, domain.md: outcome codes

export function freshDraft(suggest: Suggestion | null | undefined): Draft {
  return {
    cause: suggest?.cause ?? '',
    verification: suggest?.verification ?? '',
    actions: [...(suggest?.actions ?? [])],
    outcome: suggest?.outcome ?? '',
    truth: suggest?.truth ?? '',
    note: '',
    reference: '',
    noReference: false,
  }
}

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
