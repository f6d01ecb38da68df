/**
 * Photographs of the scene: made small here, kept on the phone until the service has them, sent one after the other. What a
 * camera wrote beside the picture never leaves the phone (the picture is drawn anew), and the service draws it anew once more.
 * A photograph is let go when the service has it, or when it says that it never will; then the person is told.
 */
import { Refusal } from '../api/client'

export interface Photo {
  id: string
  alert: string
  at: string
  picture: Blob
}

export const SIDE = 1600
const MOST_BYTES = 400_000 // a stairwell has 2G: 20 s
const QUALITIES = [0.82, 0.7, 0.55, 0.4]
const SIDES = [SIDE, 1200, 900]

/** A picture as a small JPEG of nothing but the picture. Throws when it is none. */
export async function shrunk(file: Blob): Promise<Blob> {
  const image = await createImageBitmap(file) // upright, as the camera meant it
  try {
    for (const side of SIDES) {
      const scale = Math.min(1, side / Math.max(image.width, image.height))
      const canvas = document.createElement('canvas')
      canvas.width = Math.max(1, Math.round(image.width * scale))
      canvas.height = Math.max(1, Math.round(image.height * scale))
      const draw = canvas.getContext('2d')
      if (draw === null) throw new Error('no canvas')
      draw.fillStyle = '#fff'
      draw.fillRect(0, 0, canvas.width, canvas.height)
      draw.drawImage(image, 0, 0, canvas.width, canvas.height)
      for (const quality of QUALITIES) {
        const made = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/jpeg', quality))
        if (made !== null && made.size <= MOST_BYTES) return made
      }
    }
  } finally {
    image.close()
  }
  throw new Error('too large')
}

// --- kept on the phone: pictures are too large for localStorage --------------------------------------------------
const STORE = 'photos'
const named = (user: string): string => `anxin.photos.${user}`
function opened(user: string): Promise<IDBDatabase> {
  return new Promise((done, fail) => {
    const request = indexedDB.open(named(user), 1)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'id' })
    request.onsuccess = () => done(request.result)
    request.onerror = () => fail(request.error ?? new Error('no store'))
  })
}
async function inStore<T>(user: string, mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await opened(user)
  try {
    return await new Promise<T>((done, fail) => {
      const change = database.transaction(STORE, mode)
      const request = work(change.objectStore(STORE))
      change.oncomplete = () => done(request.result)
      change.onerror = change.onabort = () => fail(change.error ?? new Error('not kept'))
    })
  } finally {
    database.close()
  }
}
export const waiting = async (user: string): Promise<Photo[]> =>
  (await inStore<Photo[]>(user, 'readonly', (store) => store.getAll())).sort((a, b) => (a.at < b.at ? -1 : 1))
export const keep = (user: string, photo: Photo): Promise<unknown> => inStore(user, 'readwrite', (store) => store.put(photo))
/** Of who signs out with nothing left to send not even the name stays on the phone; what waits, or cannot be counted, is kept. */
export async function forget(user: string): Promise<void> {
  if ((await waiting(user)).length === 0) indexedDB.deleteDatabase(named(user))
}
export const letGo = (user: string, id: string): Promise<unknown> => inStore(user, 'readwrite', (store) => store.delete(id))

// --- sent ---------------------------------------------------------------------------------------------------------
const PATIENCE_MS = 60_000

export const path = (alert: string, photo = ''): string => `/api/v1/alerts/${encodeURIComponent(alert)}/photos${photo === '' ? '' : `/${encodeURIComponent(photo)}`}`

async function say(method: string, url: string, body?: Blob): Promise<void> {
  let response: Response
  try {
    response = await fetch(url, { method, body: body ?? null, credentials: 'same-origin', headers: body === undefined ? {} : { 'content-type': 'image/jpeg' }, signal: AbortSignal.timeout(PATIENCE_MS) })
  } catch {
    throw new Refusal({ status: 0, reason: 'unreachable' })
  }
  if (response.ok) return
  const problem = (await response.json().catch(() => ({}))) as { reason?: string; detail?: string }
  throw new Refusal({ ...problem, status: response.status, reason: problem.reason ?? `http_${response.status}` })
}
export const send = (photo: Photo): Promise<void> => say('POST', `${path(photo.alert)}?taken_at=${encodeURIComponent(photo.at)}`, photo.picture)
export const remove = (alert: string, photo: string): Promise<void> => say('DELETE', path(alert, photo))

/** Whether it may go another time: nobody answered, the service is busy, or one has to sign in first. */
export const later = (status: number): boolean => status === 0 || status >= 500 || status === 401 || status === 408 || status === 429

/** Sends what waits, the oldest first, until nobody answers. Gives why some were refused. */
export async function deliver(photos: readonly Photo[], doors: { send: (photo: Photo) => Promise<void>; done: (photo: Photo) => Promise<unknown> }): Promise<Refusal[]> {
  const refused: Refusal[] = []
  for (const photo of photos) {
    try {
      await doors.send(photo)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (later(error.status)) return refused
      refused.push(error)
    }
    await doors.done(photo)
  }
  return refused
}
