/** Asks this browser for messages and gives the service its address. The words on the lock screen are the service's. */
import { api } from '../api/client'

export type PushState = 'ask' | 'on' | 'denied' | 'none'

export function pushState(): PushState {
  if (typeof Notification === 'undefined' || !('serviceWorker' in navigator) || !('PushManager' in globalThis)) return 'none'
  return Notification.permission === 'granted' ? 'on' : Notification.permission === 'denied' ? 'denied' : 'ask'
}

const bytes = (key: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(key.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0))

export async function askForPush(): Promise<PushState> {
  if (pushState() === 'none') return 'none'
  if ((await Notification.requestPermission()) !== 'granted') return pushState()
  try {
    const { key } = await api.pushKey()
    const ready = await navigator.serviceWorker.ready
    const made = await ready.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) })
    const { endpoint, keys } = made.toJSON()
    await api.subscribe({ endpoint: endpoint ?? '', keys: { p256dh: keys?.['p256dh'] ?? '', auth: keys?.['auth'] ?? '' } })
    return 'on'
  } catch {
    return 'ask'
  }
}
