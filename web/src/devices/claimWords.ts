/** Words of claiming a device, in both languages; they load with the page of devices. */
import { computed } from 'vue'
import { language } from '../texts'

const zh = {
  open: '登记…', title: '登记这台设备', home: '住户', kind: '种类', room: '位置', resident: '老人', anybody: '全户', choose: '请选择', claim: '登记', busy: '登记中', cancel: '取消',
  done: (id: string) => `已登记为 ${id}，下一条消息起生效`, unreachable: '连不上服务，没有登记。请再试一次。', last: '最近一条',
  rooms: { bedroom: '卧室', living: '客厅', kitchen: '厨房', bathroom: '卫生间', entrance: '玄关', balcony: '阳台' } as Record<string, string>, noRoom: '不填',
  kinds: { smoke: '烟感', gas: '燃气', co: '一氧化碳', sos: '紧急按钮', fall: '跌倒', door: '门磁', motion: '人体感应', presence: '存在感应', bed_belt: '床带', water_leak: '水浸', water_meter: '水表', climate: '温湿度', gateway: '网关', button: '按钮', vibration: '震动' } as Record<string, string>,
}
type Widen<T> = T extends string ? string : T extends (...args: infer A) => string ? (...args: A) => string : { [K in keyof T]: Widen<T[K]> }

const en: Widen<typeof zh> = {
  open: 'Claim…', title: 'Claim this device', home: 'home', kind: 'kind', room: 'room', resident: 'resident', anybody: 'whole home', choose: 'choose', claim: 'Claim', busy: 'Claiming', cancel: 'Cancel',
  done: (id) => `Claimed as ${id}; it counts from its next message on`, unreachable: 'No connection: nothing was claimed. Try again.', last: 'last message',
  rooms: { bedroom: 'bedroom', living: 'living room', kitchen: 'kitchen', bathroom: 'bathroom', entrance: 'entrance', balcony: 'balcony' }, noRoom: 'none',
  kinds: { smoke: 'smoke detector', gas: 'gas detector', co: 'CO detector', sos: 'SOS button', fall: 'fall detector', door: 'door contact', motion: 'motion sensor', presence: 'presence sensor', bed_belt: 'bed belt', water_leak: 'leak sensor', water_meter: 'water meter', climate: 'climate sensor', gateway: 'gateway', button: 'button', vibration: 'vibration sensor' },
}

export const words = computed(() => (language.value === 'zh' ? zh : en))
