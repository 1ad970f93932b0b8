/*
 * Registers and descriptors of the 82540EM, from Intel's "PCI/PCI-X Family of Gigabit Ethernet Controllers Software
 * Developer's Manual" (317453): chapter 13 for registers, 3.2.3 and 3.3.3 for the legacy descriptors. Only what the
 * driver uses.
 */
#ifndef E1000_REGS_H
#define E1000_REGS_H

#include <linux/types.h>

/* Offsets in BAR 0, bytes. */
#define E1000_CTRL 0x0000
#define E1000_STATUS 0x0008
#define E1000_EERD 0x0014
#define E1000_MDIC 0x0020
#define E1000_FCAL 0x0028
#define E1000_FCAH 0x002C
#define E1000_FCT 0x0030
#define E1000_VET 0x0038
#define E1000_ICR 0x00C0
#define E1000_ITR 0x00C4
#define E1000_ICS 0x00C8
#define E1000_IMS 0x00D0
#define E1000_IMC 0x00D8
#define E1000_RCTL 0x0100
#define E1000_FCTTV 0x0170
#define E1000_TCTL 0x0400
#define E1000_TIPG 0x0410
#define E1000_RDBAL 0x2800
#define E1000_RDBAH 0x2804
#define E1000_RDLEN 0x2808
#define E1000_RDH 0x2810
#define E1000_RDT 0x2818
#define E1000_RDTR 0x2820
#define E1000_RADV 0x282C
#define E1000_TDBAL 0x3800
#define E1000_TDBAH 0x3804
#define E1000_TDLEN 0x3808
#define E1000_TDH 0x3810
#define E1000_TDT 0x3818
#define E1000_TIDV 0x3820
#define E1000_TADV 0x382C
#define E1000_RXCSUM 0x5000
#define E1000_MTA 0x5200 /* 128 words */
#define E1000_RAL 0x5400 /* 16 pairs of low and high words */
#define E1000_RAH 0x5404
#define E1000_VFTA 0x5600 /* 128 words */
#define E1000_WUC 0x5800

/* Statistics, 13.7: 32 bits, cleared by reading. */
#define E1000_CRCERRS 0x4000
#define E1000_ALGNERRC 0x4004
#define E1000_RXERRC 0x400C
#define E1000_MPC 0x4010
#define E1000_ECOL 0x4018
#define E1000_LATECOL 0x4020
#define E1000_COLC 0x4028
#define E1000_TNCRS 0x4034
#define E1000_CEXTERR 0x403C
#define E1000_RLEC 0x4040
#define E1000_GPRC 0x4074
#define E1000_MPRC 0x407C
#define E1000_GPTC 0x4080
#define E1000_GORCL 0x4088 /* low word of 64: reading the high one clears both */
#define E1000_GORCH 0x408C
#define E1000_GOTCL 0x4090
#define E1000_GOTCH 0x4094

/* CTRL, 13.4.1 */
#define CTRL_FD (1u << 0)
#define CTRL_LRST (1u << 3)
#define CTRL_ASDE (1u << 5)
#define CTRL_SLU (1u << 6)
#define CTRL_ILOS (1u << 7)
#define CTRL_FRCSPD (1u << 11)
#define CTRL_FRCDPX (1u << 12)
#define CTRL_RST (1u << 26)
#define CTRL_RFCE (1u << 27)
#define CTRL_TFCE (1u << 28)
#define CTRL_VME (1u << 30)
#define CTRL_PHY_RST (1u << 31)

/* STATUS, 13.4.2 */
#define STATUS_FD (1u << 0)
#define STATUS_LU (1u << 1)
#define STATUS_SPEED (3u << 6)
#define STATUS_SPEED_100 (1u << 6)
#define STATUS_SPEED_1000 (2u << 6) /* and 3u << 6 */

/* EERD, 13.4.4 */
#define EERD_START (1u << 0)
#define EERD_DONE (1u << 4)
#define EERD_ADDR_SHIFT 8
#define EERD_DATA_SHIFT 16

/* The EEPROM, 5.6 */
#define EEPROM_WORDS 64
#define EEPROM_SUM 0xBABA

/* MDIC, 13.4.8 */
#define MDIC_REG_SHIFT 16
#define MDIC_PHY_SHIFT 21
#define MDIC_OP_WRITE (1u << 26)
#define MDIC_OP_READ (2u << 26)
#define MDIC_READY (1u << 28)
#define MDIC_ERROR (1u << 30)
#define PHY_ADDRESS 1 /* of the internal PHY */

/* ICR, IMS, IMC, 13.4.17 */
#define INT_TXDW (1u << 0)   /* a transmit descriptor was written back */
#define INT_TXQE (1u << 1)
#define INT_LSC (1u << 2)    /* link status changed */
#define INT_RXSEQ (1u << 3)
#define INT_RXDMT0 (1u << 4) /* few receive descriptors are left */
#define INT_RXO (1u << 6)    /* a frame was lost for want of them */
#define INT_RXT0 (1u << 7)   /* frames were received */
#define INT_ENABLED (INT_TXDW | INT_LSC | INT_RXSEQ | INT_RXDMT0 | INT_RXO | INT_RXT0)

/* RCTL, 13.4.22 */
#define RCTL_EN (1u << 1)
#define RCTL_UPE (1u << 3) /* all unicast */
#define RCTL_MPE (1u << 4) /* all multicast */
#define RCTL_RDMTS_HALF (0u << 8)
#define RCTL_MO (3u << 12) /* which bits of a group address the MTA is indexed by: 0 = 47:36 */
#define RCTL_BAM (1u << 15) /* broadcast */
#define RCTL_BSIZE_2048 (0u << 16)
#define RCTL_SECRC (1u << 26) /* strip the FCS */

/* TCTL, 13.4.33 */
#define TCTL_EN (1u << 1)
#define TCTL_PSP (1u << 3) /* pad short packets */
#define TCTL_CT (0x0Fu << 4)
#define TCTL_COLD_FULL (0x40u << 12)  /* collision distance, byte times */
#define TCTL_COLD_HALF (0x200u << 12)

/* TIPG, 13.4.34: for copper, 82540EM */
#define TIPG_COPPER (10u | 8u << 10 | 6u << 20)

#define RAH_AV (1u << 31) /* address valid */
#define RAR_ENTRIES 16
#define MTA_WORDS 128
#define VFTA_WORDS 128

struct e1000_rx_desc {
  u64 buffer_addr;
  u16 length;
  u16 csum;
  u8 status;
  u8 errors;
  u16 special;
};
_Static_assert(sizeof(struct e1000_rx_desc) == 16, "receive descriptor is 16 bytes");

#define RXD_STAT_DD 0x01  /* done */
#define RXD_STAT_EOP 0x02 /* end of packet */
#define RXD_ERRORS (0x01 | 0x02 | 0x04 | 0x10 | 0x80) /* CE, SE, SEQ, CXE, RXE */

struct e1000_tx_desc {
  u64 buffer_addr;
  u16 length;
  u8 cso;
  u8 cmd;
  u8 status;
  u8 css;
  u16 special;
};
_Static_assert(sizeof(struct e1000_tx_desc) == 16, "transmit descriptor is 16 bytes");

#define TXD_CMD_EOP 0x01
#define TXD_CMD_IFCS 0x02 /* append the FCS */
#define TXD_CMD_RS 0x08   /* report status */
#define TXD_CMD_IDE 0x80  /* delay the interrupt by TIDV */
#define TXD_STAT_DD 0x01

#endif
