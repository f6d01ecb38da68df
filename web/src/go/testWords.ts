/** Words of the device tests on a phone, in both languages; they load with that card alone. */
import { computed } from 'vue'
import { language } from '../texts'

const zh = {
  title: '今天的设备测试', span: (from: string, to: string) => `${from}–${to}`, ahead: (at: string) => `${at} 开始。没到时间的报警都按真实处理。`,
  how: '逐台触发：到设备前按一下，看到报警到了，再点「是我在测试」。', untried: '还没测', passed: (at: string) => `${at} 已通过`, done: (n: number, all: number) => `已测 ${n} / ${all} 台`,
  confirm: '是我在测试', left: (number: number, s: number) => (s > 0 ? `${number} 号报警已收到，还有 ${s} 秒` : `${number} 号已过时限，转为真实告警`), rule: '90 秒内不确认，自动转为红色告警',
  confirmed: (n: number) => `${n} 号已记为测试`, real: '已按真实告警处理，请立即联系值班席', stale: '连不上服务，下面可能不是最新的', unreachable: '连不上服务，没有确认上。请再按一次，或立即打给值班席。',
}
type Widen<T> = T extends string ? string : T extends (...args: infer A) => string ? (...args: A) => string : { [K in keyof T]: Widen<T[K]> }

const en: Widen<typeof zh> = {
  title: 'Device tests today', span: (from, to) => `${from}–${to}`, ahead: (at) => `Begins at ${at}. Until then every alarm is real.`,
  how: 'One at a time: press the device, see its alarm arrive here, then tap “It was my test”.', untried: 'not tested yet', passed: (at) => `passed ${at}`, done: (n, all) => `${n} of ${all} tested`,
  confirm: 'It was my test', left: (number, s) => (s > 0 ? `alarm ${number} has arrived, ${s} s left` : `time is up: alarm ${number} is now treated as real`), rule: 'if not confirmed within 90 seconds, it turns red',
  confirmed: (n) => `Alarm ${n} is recorded as a test`, real: 'It is now treated as a real alarm: ring the desk at once', stale: 'No connection: this may be out of date', unreachable: 'No connection: nothing was confirmed. Press again, or ring the desk at once.',
}

export const words = computed(() => (language.value === 'zh' ? zh : en))
