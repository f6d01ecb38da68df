/** Who sits here. One answer for the whole page. */
import { shallowRef } from 'vue'
import { api, Refusal, whenSignedOut } from './api/client'
import type { Me } from './api/types'

export const me = shallowRef<Me | null>(null)

/** The session ended under an open page. It is signed in again over the page (App.vue), so that nothing that was typed is lost. */
export const ended = shallowRef(false)
whenSignedOut(() => {
  if (me.value !== null) ended.value = true
})

/** Signed out without a network: until somebody signs in here, the service hears that first. */
const LEFT = 'anxin.left'

export async function signOut(): Promise<void> {
  await silenced()
  const unheard = await api.signOut().catch(() => true)
  me.value = null
  remember(null)
  if (unheard) inStore((store) => store.setItem(LEFT, '1'))
  location.assign('/sign-in')
}

/** A lock screen that names homes is not for whoever holds the phone next. Nobody waits long for it: a line may hang. */
async function silenced(): Promise<void> {
  const done = import('./push/push').then((push) => push.leave())
  await Promise.race([done, new Promise((go) => setTimeout(go, LEAVE_MS))]).catch(() => undefined)
}
const LEAVE_MS = 4_000

/** Asks the service who we are; null when nobody is signed in, an error when it cannot be reached. */
export async function whoAmI(): Promise<Me | null> {
  try {
    if (inStore((store) => store.getItem(LEFT))) {
      await silenced()
      await api.signOut()
    }
    me.value = await api.me()
    remember(me.value)
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

const KEPT = 'anxin.me'
/** whose a tab is: what was typed or given as a reason in it is of nobody else */
const WHOSE = 'anxin.whose'

/**
 * Phones open without a network: who they belong to is kept. What they then show says that it is old. Of anybody else
 * nothing is left on the phone but what still has to be sent for them (`anxin.out.`, photographs), which goes when they are back.
 */
export function remember(who: Me | null): void {
  inStore((store) => {
    for (const key of Object.keys(store)) {
      const whose = key.replace(/^anxin\.(left|me|task|family)\.?/, '')
      if (whose !== key && whose !== who?.user) store.removeItem(key)
    }
    if (who !== null && isPhone(who)) store.setItem(KEPT, JSON.stringify(who))
  })
  inStore((store) => {
    if (who === null || (store.getItem(WHOSE) ?? who.user) !== who.user) for (const key of Object.keys(store)) if (/^anxin\.(draft|reason)\./.test(key)) store.removeItem(key)
    if (who === null) store.removeItem(WHOSE)
    else store.setItem(WHOSE, who.user)
  }, () => sessionStorage)
}
export const remembered = (): Me | null => inStore((store) => JSON.parse(store.getItem(KEPT) ?? 'null') as Me | null)
/** Null where a browser keeps nothing: then it is asked again. */
function inStore<T>(work: (store: Storage) => T, where = (): Storage => localStorage): T | null {
  try {
    return work(where())
  } catch {
    return null
  }
}

const GOES = ['social_worker', 'volunteer', 'grid_worker', 'neighbour', 'responder']
const FIGURES = ['operator', 'supervisor', 'admin', 'auditor']
export const goes = (who: Me): boolean => GOES.includes(who.role)
export const isFamily = (who: Me): boolean => who.role === 'family'
const isPhone = (who: Me): boolean => goes(who) || isFamily(who)
export const maySeeFigures = (who: Me): boolean => FIGURES.includes(who.role)
/** of the people themselves: an auditor reads what was done, not how somebody is */
export const maySeePeople = (who: Me): boolean => maySeeDesk(who) && who.role !== 'auditor'

/** who looked at what, and what left */
export const checks = (who: Me): boolean => who.role === 'supervisor' || who.role === 'auditor'

export const calls = (who: Me): boolean => mayAct(who) || who.role === 'social_worker'
export const mends = (who: Me): boolean => who.role === 'maintenance'

export const maySimulate = (who: Me): boolean => who.simulated && who.role === 'admin'

/** Where somebody is at home. */
export function homeOf(who: Me): string {
  if (maySeeDesk(who)) return '/desk'
  if (goes(who)) return '/go'
  if (mends(who)) return '/mend'
  return isFamily(who) ? '/family' : '/wall'
}
