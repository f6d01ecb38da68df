/** Limits of one resident: what is asked of the service, and which way a change leans. Apart from `api`: no other page carries it. */
import { ask } from '../api/client'
import type { components } from '../api/schema'

type Schemas = components['schemas']
export type Limit = Schemas['LimitInForce']
export type Rule = Schemas['ResidentRule']
export type Override = Schemas['OverrideBody']
export type Trial = Schemas['Trial']
export type Value = boolean | number | string

const at = (resident: string): string => `/residents/${encodeURIComponent(resident)}`

export const limits = {
  rules: (resident: string) => ask<Schemas['ResidentRules']>('GET', `${at(resident)}/rules`),
  overrides: (resident: string) => ask<Schemas['OverrideList']>('GET', `${at(resident)}/overrides`),
  set: (resident: string, body: { limit: string; value: Value; until: string; reason: string }) => ask<Schemas['OverrideList']>('POST', `${at(resident)}/overrides`, body),
  end: (resident: string, limit: string) => ask<Schemas['OverrideList']>('POST', `${at(resident)}/overrides/end`, { limit }),
  approve: (resident: string, limit: string) => ask<Schemas['OverrideList']>('POST', `${at(resident)}/overrides/approve`, { limit }),
  attempt: (resident: string, limit: string, value: Value, days: number) => ask<Trial>('POST', '/rules/try', { limits: { [limit]: value }, resident, days }),
}

/** What the form holds as the service reads it; null where it says nothing, or the same as is in force. */
export function wanted(limit: Limit, text: string): Value | null {
  if (typeof limit.value === 'boolean') return text === 'yes' ? (limit.value ? null : true) : limit.value ? false : null
  if (typeof limit.value === 'string') return text === '' || text === limit.value ? null : text
  const number = Number(text)
  return text.trim() === '' || !Number.isFinite(number) || number === limit.value ? null : number
}

/** Whether a value speaks later, or less often, than the one in force. */
export function loosens(limit: Limit, value: Value): boolean {
  if (typeof value === 'boolean') return value !== limit.value && value === (limit.stricter === 'lower')
  if (value === limit.value) return false
  return limit.stricter === 'lower' ? value > limit.value : value < limit.value
}

/** Hours a temporary limit may be asked for; a life-safety rule that is loosened lapses after a day. */
export const HOURS = [8, 24, 72, 168, 720] as const
export const hoursFor = (rule: Rule, limit: Limit, value: Value | null): readonly number[] => HOURS.filter((hours) => hours <= 24 || !rule.life || value === null || !loosens(limit, value))
