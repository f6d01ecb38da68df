import { describe, expect, it } from 'vitest'
import { trust, type Heard } from './trust'

const heard = (more: Partial<Heard> = {}): Heard => ({ heard_ms: 0, opened_ms: 0, has_picture: true, resync: false, ingest_age: 0.3, offline_ms: null, ...more })

describe('may the picture be believed', () => {
  it.each([
    [0, 'live'],
    [6_000, 'live'],
    [6_001, 'stale'],
    [12_000, 'stale'],
    [12_001, 'down'],
    [600_000, 'down'],
  ] as const)('after %i ms of silence it is %s', (now, link) => {
    expect(trust(heard(), now).link).toBe(link)
  })

  it('a screen without a picture is never live', () => {
    expect(trust(heard({ heard_ms: null, has_picture: false }), 500)).toMatchObject({ link: 'stale', waiting: true, trouble: false })
    expect(trust(heard({ heard_ms: null, has_picture: false }), 12_500)).toMatchObject({ link: 'down', trouble: true })
  })

  it('a live link to a server that hears no device is not proof', () => {
    expect(trust(heard({ ingest_age: 60 }), 0).devices).toBe('heard')
    expect(trust(heard({ ingest_age: 61 }), 0)).toMatchObject({ link: 'live', devices: 'silent', trouble: true })
  })

  it('the age of the devices grows while the link is silent', () => {
    expect(trust(heard({ ingest_age: 55 }), 5_900)).toMatchObject({ link: 'live', devices: 'silent' })
  })

  it('a clock set back does not make silence negative', () => {
    expect(trust(heard({ heard_ms: 10_000 }), 0).silent_ms).toBe(0)
  })

  it('the technical sound is due exactly when the picture may not be believed', () => {
    expect(trust(heard(), 1_000).trouble).toBe(false)
    expect(trust(heard(), 6_500).trouble).toBe(true)
  })

  it('a browser without a network is believed at once, until something is heard all the same', () => {
    expect(trust(heard({ heard_ms: 1_000, offline_ms: 2_000 }), 2_000)).toMatchObject({ link: 'stale', trouble: true })
    expect(trust(heard({ heard_ms: 2_500, offline_ms: 2_000 }), 2_600).link).toBe('live')
    expect(trust(heard({ heard_ms: 1_000, offline_ms: 2_000 }), 14_000).link).toBe('down')
  })

  it('a clock that was set back does not keep it offline', () => {
    expect(trust(heard({ heard_ms: 1_000, offline_ms: 900_000 }), 2_000).link).toBe('live')
  })
})
