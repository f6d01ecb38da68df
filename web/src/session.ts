/** Who sits here. One answer for the whole page. */
import { shallowRef } from 'vue'
import { api, Refusal } from './api/client'
import type { Me } from './api/types'

export const me = shallowRef<Me | null>(null)

/** Asks the service who we are; null when nobody is signed in, an error when it cannot be reached. */
export async function whoAmI(): Promise<Me | null> {
  try {
    me.value = await api.me()
  } catch (error) {
    if (!(error instanceof Refusal) || (error.status !== 401 && error.status !== 403)) throw error
    me.value = null
  }
  return me.value
}

const DESK = ['operator', 'supervisor', 'admin', 'doctor', 'auditor']
const ACTS = ['operator', 'supervisor', 'admin']
export const maySeeDesk = (who: Me): boolean => DESK.includes(who.role)
export const mayAct = (who: Me): boolean => ACTS.includes(who.role)
