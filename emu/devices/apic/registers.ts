/** The local APIC's registers by number, which is their offset / 16 (SDM vol. 3, table 10-1; 8-1 of the 2003 edition). */
export const ID = 0x02;
export const VERSION = 0x03;
export const TPR = 0x08;
export const APR = 0x09;
export const PPR = 0x0a;
export const EOI = 0x0b;
export const RRD = 0x0c;
export const LDR = 0x0d;
export const DFR = 0x0e;
export const SVR = 0x0f;
/** ISR, TMR and IRR, eight registers each. */
export const ISR = 0x10;
export const IRR_LAST = 0x27;
export const ESR = 0x28;
export const ICR_LOW = 0x30;
export const ICR_HIGH = 0x31;
export const LVT_FIRST = 0x32;
export const LVT_LAST = 0x37;
export const INITIAL_COUNT = 0x38;
export const CURRENT_COUNT = 0x39;
export const DIVIDE = 0x3e;

/** Of the registers that exist. */
export function isReadOnly(n: number): boolean {
  return (
    n === VERSION || n === APR || n === PPR || n === RRD || n === CURRENT_COUNT || (n >= ISR && n <= IRR_LAST)
  );
}
