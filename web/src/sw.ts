/// <reference lib="webworker" />
/**
 * The service worker: keeps the app's shell, so that a phone in a cellar still opens; never an answer of the API, so that
 * nobody is shown yesterday as today. And it shows messages: one for each case, updated rather than repeated; a red one
 * stays until it is touched. Hand-written: what it does is this page, and nothing else.
 */
declare const self: ServiceWorkerGlobalScope

const SHELL = `anxin-shell-${__BUILD__}`

self.addEventListener('install', (event) => event.waitUntil(install()))
self.addEventListener('activate', (event) => event.waitUntil(activate()))
self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url)
  if (event.request.method !== 'GET' || url.origin !== location.origin || isData(url)) return
  if (event.request.mode === 'navigate') event.respondWith(page(event.request))
  else if (url.pathname.startsWith('/assets/')) event.respondWith(kept(event.request))
})
self.addEventListener('push', (event) => event.waitUntil(show(event.data)))
self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  const { url, alert } = (event.notification.data ?? {}) as { url?: string; alert?: string }
  event.waitUntil(open(url ?? '/', alert))
})

/** What is true only now: the API, one-time links, health. */
const isData = (url: URL): boolean => /^\/(api|go\/|healthz|readyz|metrics|openapi)/.test(url.pathname)

async function install(): Promise<void> {
  const answer = await fetch('/', { cache: 'no-store', credentials: 'omit' })
  const html = await answer.clone().text()
  const shell = await caches.open(SHELL)
  await shell.put('/', answer)
  const files = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+|\/mark\.svg)"/g)].map((match) => match[1]!)
  await shell.addAll(files)
  await self.skipWaiting()
}

async function activate(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith('anxin-shell-') && name !== SHELL) await caches.delete(name)
  await self.clients.claim()
}

/** A page: from the network; when that does not answer, the shell, which then says itself that it is offline. */
async function page(request: Request): Promise<Response> {
  try {
    return await fetch(request)
  } catch {
    return (await caches.match('/')) ?? Response.error()
  }
}

/** Files with a hash in their name never change: kept for as long as this build. */
async function kept(request: Request): Promise<Response> {
  const known = await caches.match(request)
  if (known !== undefined) return known
  const answer = await fetch(request)
  if (answer.ok) await (await caches.open(SHELL)).put(request, answer.clone())
  return answer
}

interface Message {
  title?: string
  body?: string
  tag?: string
  /** of the case; 0 in a trial message */
  number?: number | null
  link?: string | null
  level?: string

}

async function show(data: PushMessageData | null): Promise<void> {
  let message: Message = {}
  try {
    message = (data?.json() ?? {}) as Message
  } catch {
    message = { body: data?.text() ?? '' }
  }
  const red = message.level === 'red'
  await self.registration.showNotification(message.title ?? '安心', {
    body: message.body ?? '',
    ...(message.tag === undefined ? {} : { tag: message.tag, renotify: true }),
    requireInteraction: red,
    icon: '/icon-192.png',
    badge: '/mark.svg',
    lang: 'zh-CN',
    data: { url: message.link ?? '/', ...(message.number ? { alert: message.tag } : {}) },
  } as NotificationOptions)
}

/**
 * Where a message leads. A screen of this person that is open already comes to the front and is told the case (a desk goes to
 * it without being loaded anew: a call may be going on there); otherwise the message's own link opens.
 */
const SCREENS = ['/desk', '/go', '/family']
async function open(address: string, alert?: string): Promise<void> {
  const url = new URL(address, location.origin)
  const windows = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const there = alert === undefined ? undefined : SCREENS.flatMap((path) => windows.filter((one) => new URL(one.url).pathname === path))[0]
  if (there === undefined) {
    await self.clients.openWindow(url.origin === location.origin ? url.href : '/')
    return
  }
  there.postMessage({ open: alert })
  await there.focus()
}

export {}
