/** The loudspeaker: a live AudioContext, a meter that proves sound left us, and the tunes of patterns.ts. */
import { TUNES } from './patterns'
import type { Burst } from './plan'

export type SpeakerState = 'running' | 'blocked'

export class Speaker {
  #context: AudioContext | null = null
  #bus: GainNode | null = null
  #meter: AnalyserNode | null = null
  #sounding: GainNode | null = null
  #samples = new Float32Array(0)
  readonly #changed: (state: SpeakerState) => void

  constructor(changed: (state: SpeakerState) => void) {
    this.#changed = changed
    this.#open()
  }

  #open(): void {
    if (typeof AudioContext === 'undefined') return
    const context = new AudioContext({ latencyHint: 'interactive' })
    const bus = context.createGain()
    const meter = context.createAnalyser()
    meter.fftSize = 2048
    bus.connect(meter).connect(context.destination)
    context.onstatechange = () => this.#changed(this.state)
    this.#context = context
    this.#bus = bus
    this.#meter = meter
    this.#samples = new Float32Array(meter.fftSize)
  }

  get state(): SpeakerState {
    return this.#context?.state === 'running' ? 'running' : 'blocked'
  }

  /** Asks the browser for sound; it agrees only after a gesture, or when the kiosk is allowed to. Resolves to what came of it. */
  async enable(): Promise<SpeakerState> {
    if (this.#context === null || this.#context.state === 'closed') this.#open()
    // a browser that refuses leaves the promise of resume() open for ever
    await Promise.race([this.#context?.resume().catch(() => undefined), new Promise((done) => setTimeout(done, 300))])
    this.#changed(this.state)
    return this.state
  }

  play(burst: Burst): void {
    const context = this.#context
    if (context === null || this.#bus === null || context.state !== 'running') return
    const start = context.currentTime + 0.02
    if (burst.restart) this.#sounding?.gain.setTargetAtTime(0, context.currentTime, 0.01)
    const tune = TUNES[burst.pattern]
    const voice = context.createGain()
    voice.connect(this.#bus)
    this.#sounding = voice
    const real = new Float32Array(tune.harmonics.length + 1)
    const wave = context.createPeriodicWave(real, Float32Array.from([0, ...tune.harmonics]))
    let left = tune.notes.length
    for (const note of tune.notes) {
      const oscillator = context.createOscillator()
      const shape = context.createGain()
      oscillator.setPeriodicWave(wave)
      oscillator.frequency.value = note.hertz
      const begin = start + note.at
      // a rise and fall of 10–20 ms keeps the pulse from clicking
      shape.gain.setValueAtTime(0, begin)
      shape.gain.linearRampToValueAtTime(burst.volume, begin + 0.012)
      shape.gain.setValueAtTime(burst.volume, begin + note.lasts - 0.02)
      shape.gain.linearRampToValueAtTime(0, begin + note.lasts)
      oscillator.connect(shape).connect(voice)
      oscillator.start(begin)
      oscillator.stop(begin + note.lasts + 0.02)
      oscillator.onended = () => {
        shape.disconnect()
        left -= 1
        if (left === 0) voice.disconnect()
      }
    }
  }

  hush(): void {
    if (this.#context !== null) this.#sounding?.gain.setTargetAtTime(0, this.#context.currentTime, 0.01)
  }

  /** The largest sample of the last 40 ms, 0–1. */
  peak(): number {
    if (this.#meter === null) return 0
    this.#meter.getFloatTimeDomainData(this.#samples)
    return this.#samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)
  }
}
