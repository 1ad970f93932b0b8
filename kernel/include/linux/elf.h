/* ELF32 (System V ABI, chapter 4; i386 supplement for the relocations). */
#ifndef LINUX_ELF_H
#define LINUX_ELF_H

#include <linux/types.h>

#define ELF_MAGIC 0x464C457Fu /* "\177ELF", little-endian */
#define ELFCLASS32 1
#define ELFDATA2LSB 1
#define ET_REL 1
#define ET_EXEC 2
#define EM_386 3
#define PT_LOAD 1
#define PF_X 1
#define PF_W 2
#define PF_R 4

#define SHT_PROGBITS 1
#define SHT_SYMTAB 2
#define SHT_STRTAB 3
#define SHT_RELA 4
#define SHT_NOBITS 8
#define SHT_REL 9
#define SHF_WRITE 1
#define SHF_ALLOC 2
#define SHF_EXECINSTR 4
#define SHN_UNDEF 0
#define SHN_LORESERVE 0xFF00
#define SHN_ABS 0xFFF1
#define STB_WEAK 2
#define ELF32_ST_BIND(info) ((info) >> 4)

#define R_386_NONE 0
#define R_386_32 1
#define R_386_PC32 2
#define R_386_PLT32 4
#define ELF32_R_SYM(info) ((info) >> 8)
#define ELF32_R_TYPE(info) ((info) & 0xff)

typedef struct {
  u32 e_magic;
  u8 e_class, e_data, e_version_ident, e_pad[9];
  u16 e_type, e_machine;
  u32 e_version, e_entry, e_phoff, e_shoff, e_flags;
  u16 e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx;
} Elf32_Ehdr;

typedef struct {
  u32 p_type, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_flags, p_align;
} Elf32_Phdr;

typedef struct {
  u32 sh_name, sh_type, sh_flags, sh_addr, sh_offset, sh_size, sh_link, sh_info, sh_addralign, sh_entsize;
} Elf32_Shdr;

typedef struct {
  u32 st_name, st_value, st_size;
  u8 st_info, st_other;
  u16 st_shndx;
} Elf32_Sym;

typedef struct {
  u32 r_offset, r_info;
} Elf32_Rel;

_Static_assert(sizeof(Elf32_Ehdr) == 52 && sizeof(Elf32_Phdr) == 32 && sizeof(Elf32_Shdr) == 40, "System V ABI");
_Static_assert(sizeof(Elf32_Sym) == 16 && sizeof(Elf32_Rel) == 8, "System V ABI");

#endif
