/** Photographs of residents: made small here, sent as they are, never kept by this browser. */
import { Refusal } from '../api/client'

const SIDE = 320
const MOST_BYTES = 60_000 // the service takes bodies of up to 64 KiB
const QUALITIES = [0.86, 0.75, 0.6, 0.45, 0.3]

/** The middle square of a picture as a small JPEG without anything but the picture. Throws when it is none. */
export async function small(file: Blob): Promise<Blob> {
  const image = await createImageBitmap(file)
  const side = Math.min(image.width, image.height)
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = SIDE
  const draw = canvas.getContext('2d')
  if (draw === null) throw new Error('no canvas')
  draw.fillStyle = '#fff'
  draw.fillRect(0, 0, SIDE, SIDE)
  // a face is above the middle of an upright picture
  const top = image.height > image.width ? (image.height - side) * 0.25 : 0
  draw.drawImage(image, (image.width - side) / 2, top, side, side, 0, 0, SIDE, SIDE)
  image.close()
  for (const quality of QUALITIES) {
    const made = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/jpeg', quality))
    if (made !== null && made.size <= MOST_BYTES) return made
  }
  throw new Error('too large')
}

async function say(method: string, resident: string, body?: Blob): Promise<void> {
  let response: Response
  try {
    response = await fetch(`/api/v1/residents/${encodeURIComponent(resident)}/photo`, {
      method, body, credentials: 'same-origin', headers: body === undefined ? {} : { 'content-type': 'image/jpeg' }, signal: AbortSignal.timeout(15_000),
    })
  } catch {
    throw new Refusal({ status: 0, reason: 'unreachable' })
  }
  if (!response.ok) throw new Refusal({ status: response.status, reason: `http_${response.status}` })
}
export const sendPhoto = (resident: string, picture: Blob): Promise<void> => say('PUT', resident, picture)
export const forgetPhoto = (resident: string): Promise<void> => say('DELETE', resident)
