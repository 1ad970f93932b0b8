/**
 * What travels between the APICs: the interrupt message of the I/O APIC and of interprocessor interrupts (82093AA data
 * sheet, 3.2.4; SDM vol. 3, 8.6.1 of the 2003 edition, 10.6.1 of the newer ones).
 */

/** Delivery modes: bits 10–8 of a redirection entry, of the ICR and of LVT entries. */
export const DELIVERY = {
  fixed: 0,
  lowestPriority: 1,
  smi: 2,
  nmi: 4,
  init: 5,
  startup: 6,
  extInt: 7,
} as const;

export interface ApicMessage {
  /** Eight bits: an APIC ID, or a logical destination; 0xFF is everybody. */
  destination: number;
  logical: boolean;
  /** One of DELIVERY. */
  mode: number;
  vector: number;
  /** Level-triggered: its EOI goes to the I/O APICs. */
  level: boolean;
}
