/** The words about messages; they come with the switch, so that a phone's first load does not carry them. */
import { computed } from 'vue'
import { language } from '../texts'

const zh = {
  title: '消息提醒', on: '在这台设备上打开', off: '关闭提醒', test: '发测试消息',
  states: { none: '不支持', ask: '未打开', denied: '未允许', elsewhere: '在别的设备上', on: '已打开' },
  words: {
    none: '这个浏览器不能接收消息。苹果手机请先从浏览器菜单“添加到主屏幕”，再从主屏幕打开。',
    ask: '打开后，有事时这台设备会响。锁屏上不会出现姓名、房号和健康情况。',
    denied: '您以前选择了不允许。请在浏览器的网站设置里，把本站的“通知”改为允许，再回到这里。',
    elsewhere: '您在别的设备上已经打开，这台设备还没有。',
    on: '有事时这台设备会响，退出登录后不再响。请发一条测试消息，看是不是真的能收到。',
  },
  others: (n: number) => `另有 ${n} 台设备也已打开。`,
  faults: { unreachable: '没有连上服务，请稍后再试。', unknown: '服务没有接受，请稍后再试，或告诉管理员。', service: '浏览器的推送服务没有应答，网络可能不通。请换个网络再试，或使用短信、电话提醒。' },
  tests: { asked: '正在发送', sent: '推送服务已收下，请看这台设备有没有弹出消息；点开它，就算确认收到。', failed: '没有发出去。请关闭后重新打开，或告诉管理员。' },
}

const en: typeof zh = {
  title: 'Messages', on: 'Turn on for this device', off: 'Turn off', test: 'Send a test',
  states: { none: 'not supported', ask: 'off', denied: 'not allowed', elsewhere: 'on another device', on: 'on' },
  words: {
    none: 'This browser cannot receive messages. On an iPhone, first add this page to the home screen, then open it from there.',
    ask: 'When something happens this device will ring. The lock screen shows no name, no room and nothing about health.',
    denied: 'Messages were not allowed before. Please allow “Notifications” for this site in the browser’s settings, then come back.',
    elsewhere: 'They are on for another device of yours, but not for this one yet.',
    on: 'This device rings when something happens, until you sign out. Send a test message to make sure it really arrives.',
  },
  others: (n) => `${n} other device${n === 1 ? '' : 's'} as well.`,
  faults: { unreachable: 'The service does not answer. Please try again later.', unknown: 'The service did not accept this. Please try again later, or tell the administrator.', service: 'The browser’s push service does not answer; this network may not reach it. Try another network, or use text messages and calls.' },
  tests: { asked: 'Sending', sent: 'The push service has accepted it. See whether it appears on this device; opening it confirms it.', failed: 'It could not be sent. Turn messages off and on again, or tell the administrator.' },
}

export const words = computed(() => (language.value === 'zh' ? zh : en))
