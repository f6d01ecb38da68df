/** Words of the door card on the responder's phone, in both languages. */
import { computed } from 'vue'
import { language } from '../texts'

const zh = {
  label: '输入门卡编码，确认到场', hint: '6 位数字', send: '确认', proved: '已凭门卡确认到场', waits: '门卡编码待上传',
  wrong_code: '门卡编码不对，请再核对；也可以直接按「到了」', too_many_attempts: '门卡编码错的次数太多，请直接按「到了」', pressed: '门卡编码不对，已按您当时的时间记为到场',
}
const en: typeof zh = {
  label: 'Code on the door card, to confirm you are there', hint: '6 digits', send: 'Confirm', proved: 'Confirmed by the door card', waits: 'The code waits to be sent',
  wrong_code: 'This is not the code of that door card. Please look again, or just press “I’m there”', too_many_attempts: 'Too many wrong codes. Please just press “I’m there”', pressed: 'The code was not right; you are noted as arrived at the time you entered it',
}
export const words = computed(() => (language.value === 'zh' ? zh : en))
