/**
 * This browser and the service's messages: asks, gives the service its address, takes it back, tries it. The words on the
 * lock screen are the service's. A browser is known to the service by the name made of its endpoint (`GET /push` says how).
 */
import { api, ask as askApi } from '../api/client'
import type { components } from '../api/schema'

export type PushBrowser = components['schemas']['PushBrowser']

/** `none`: this browser has no messages; `ask`: nobody was asked; `elsewhere`: on in another browser of this person, not here. */
export type PushState = 'none' | 'ask' | 'denied' | 'elsewhere' | 'on'

export interface PushNews {
  state: PushState
  /** how many other browsers of this person hear messages */
  others: number
  /** what is known of the last test here */
  here: PushBrowser | null
}

export function canPush(): boolean {
  return typeof Notification !== 'undefined' && 'serviceWorker' in navigator && 'PushManager' in globalThis
}

/** Pure: what the browser's permission, its own name and the service's list say together. */
export function judge(permission: NotificationPermission, mine: string | null, browsers: readonly PushBrowser[]): PushNews {
  const here = mine === null ? null : (browsers.find((one) => one.id === mine) ?? null)
  const others = browsers.filter((one) => one.id !== mine).length
  const state = permission === 'denied' ? 'denied' : permission === 'granted' && here !== null ? 'on' : others > 0 ? 'elsewhere' : 'ask'
  return { state, others, here: state === 'on' ? here : null }
}

/** The name under which the service keeps this endpoint. */
export async function nameOf(endpoint: string): Promise<string> {
  const said = new TextEncoder().encode(`str:push\u001fstr:${endpoint}\u001f`)
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', said))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('').slice(0, 20)
}

const bytes = (key: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(key.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0))

async function mine(): Promise<PushSubscription | null> {
  const worker = await navigator.serviceWorker.getRegistration()
  return (await worker?.pushManager.getSubscription()) ?? null
}

/** Whether messages reach this browser, as far as it knows itself. */
export const hears = async (): Promise<boolean> => canPush() && Notification.permission === 'granted' && (await mine()) !== null

export async function lookUp(): Promise<PushNews> {
  if (!canPush()) return { state: 'none', others: 0, here: null }
  const made = await mine()
  const { browsers } = await api.pushKey()
  return judge(Notification.permission, made === null ? null : await nameOf(made.endpoint), browsers)
}

/** Asks the person, then the push service, then tells ours. Rejects when the push service cannot be reached. */
export async function turnOn(): Promise<PushNews> {
  if (!canPush() || (await Notification.requestPermission()) !== 'granted') return lookUp()
  const { key } = await api.pushKey()
  const { pushManager } = await navigator.serviceWorker.ready
  const ask = (): Promise<PushSubscription> => pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) })
  const made = await ask().catch(async (error: unknown) => {
    // made for another key (a service set up anew): the old one hears nothing any more
    const old = await pushManager.getSubscription()
    if (old === null || !(await old.unsubscribe())) throw error
    return ask()
  })
  const { endpoint, keys } = made.toJSON()
  await api.subscribe({ endpoint: endpoint ?? '', keys: { p256dh: keys?.['p256dh'] ?? '', auth: keys?.['auth'] ?? '' } })
  return lookUp()
}

/** Signing out: what still stands on the lock screen goes, and nothing more comes, also when the service cannot be told (it learns it from the push service). */
export async function leave(): Promise<void> {
  if (!canPush()) return
  const worker = await navigator.serviceWorker.getRegistration()
  for (const one of (await worker?.getNotifications()) ?? []) one.close()
  const made = await worker?.pushManager.getSubscription()
  if (!made) return
  await askApi('DELETE', '/push', { endpoint: made.endpoint }).catch(() => undefined)
  await made.unsubscribe()
}

/** The service first: when it does not answer, messages go on, and the screen says so. */
export async function turnOff(): Promise<PushNews> {
  const made = await mine()
  if (made !== null) {
    await askApi('DELETE', '/push', { endpoint: made.endpoint })
    await made.unsubscribe()
  }
  return lookUp()
}

export async function tryHere(): Promise<void> {
  const made = await mine()
  if (made !== null) await askApi('POST', '/push/test', { endpoint: made.endpoint })
}
