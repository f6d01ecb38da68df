/** The words of the hand-over; they come with its page, so that a phone's first load does not carry them. */
import { computed } from 'vue'
import { language } from '../texts'

const zh = {
  title: '交班', openCases: '未结的告警', none: '没有', muted: '静音中', notMuted: '声音没有静音', tests: '测试中的设备', testsUnknown: '读不到设备测试清单', testing: (who: string, n: number, until: string) => `${who} 正在测试 ${n} 台设备，到 ${until}`, outs: '停用的设备', outsUnknown: '读不到设备清单', note: '要交代的事', confirm: '我已看过，接班', thenSound: '接班后请做一次声音检查', signInHint: '接班人请在这里登录，交班记录写进每条未结的告警', user: '用户名', password: '密码', noted: (from: string, to: string) => `交班：${from} 交给 ${to}`, missed: (who: string, numbers: string) => `${who} 已接班，但 ${numbers} 号没有记上交班，也可能还在上一位名下，请打开看一下。`, toDesk: '去值班席', mayNot: '这个账号不能处置告警，不能接班',
}

const en: typeof zh = {
  title: 'Hand-over', openCases: 'Open cases', none: 'none', muted: 'Muted', notMuted: 'Sound is not muted', tests: 'Devices in test', testsUnknown: 'The list of device tests cannot be read', testing: (who, n, until) => `${who} is testing ${n} devices until ${until}`, outs: 'Devices out of service', outsUnknown: 'The list of devices cannot be read', note: 'What to pass on', confirm: 'I have read this and take over', thenSound: 'Please do the sound check now', signInHint: 'The next person signs in here; the hand-over is noted in every open case', user: 'User name', password: 'Password', noted: (from, to) => `交班：${from} 交给 ${to}`, missed: (who, numbers) => `${who} has taken over, but the hand-over is not noted in case ${numbers}; it may still be held by who left. Please open it.`, toDesk: 'To the desk', mayNot: 'This account may not act on alerts and cannot take over',
}

export const handover = computed(() => (language.value === 'zh' ? zh : en))
