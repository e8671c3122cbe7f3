/* SPDX-License-Identifier: GPL-2.0-only */
/* The opcode maps of the instruction decoder, and what their entries mean. For insn.c alone. */
#pragma once

#include "arch/insn.h"
#include "core/bits.h"

/* What follows the opcode, and how wide things are. An entry of 0 is no instruction. */
#define INSN_VALID     BIT(0)
#define INSN_MODRM     BIT(1)
#define INSN_IMM8      BIT(2)
#define INSN_IMM16     BIT(3)
#define INSN_IMMZ      BIT(4)  /* 2 or 4 bytes, by the operand size */
#define INSN_IMMV      BIT(5)  /* 2, 4 or 8 bytes, by the operand size */
#define INSN_MOFFS     BIT(6)  /* an address as an immediate, of the address size */
#define INSN_FAR       BIT(7)  /* offset by the operand size, then a selector */
#define INSN_BYTE      BIT(8)  /* the operand is a byte */
#define INSN_NOT64     BIT(9)  /* no instruction in 64-bit mode */
#define INSN_REGISTERS BIT(10) /* ModRM.mod is ignored and taken for 3 */
#define INSN_IO        BIT(11) /* the operand is 4 bytes at most */
#define INSN_WORD      BIT(12) /* the memory operand is 2 bytes, whatever the operand size */

/* Which operand is where. */
enum insn_form {
	INSN_FORM_NONE,
	INSN_FORM_RM_REG,  /* memory <- register */
	INSN_FORM_REG_RM,  /* register <- memory */
	INSN_FORM_RM_IMM,  /* memory <- immediate */
	INSN_FORM_MOFFS_A, /* memory <- accumulator, address in the instruction */
	INSN_FORM_A_MOFFS, /* accumulator <- memory, address in the instruction */
	INSN_FORM_RM,      /* memory or the register in ModRM.rm: LMSW, SMSW, INVLPG */
	INSN_FORM_CONTROL, /* MOV of control and debug registers */
	INSN_FORM_LOAD,    /* accumulator or port <- seg:rSI */
	INSN_FORM_STORE,   /* ES:rDI <- accumulator or port */
	INSN_FORM_COPY,    /* ES:rDI <- seg:rSI */
	INSN_FORM_PORT_IMM,
	INSN_FORM_PORT_DX,
	INSN_FORM_VECTOR, /* a soft interrupt: the vector follows, or stands in the opcode */
};

/* Groups: ModRM.reg selects the entry, whose encoding bits are added to the opcode's. */
enum insn_group {
	INSN_GROUP_NONE,
	INSN_GROUP_ALU,    /* 80 81 82 83 */
	INSN_GROUP_POP,    /* 8F */
	INSN_GROUP_MOV,    /* C6 C7 */
	INSN_GROUP_TEST8,  /* F6 */
	INSN_GROUP_TEST,   /* F7 */
	INSN_GROUP_INC8,   /* FE */
	INSN_GROUP_INC,    /* FF */
	INSN_GROUP_LDT,    /* 0F 00 */
	INSN_GROUP_SYSTEM, /* 0F 01 */
	INSN_GROUP_BIT,    /* 0F BA */
	INSN_GROUPS,
};

struct insn_opcode {
	uint16_t encoding; /* INSN_VALID and the bits after it */
	uint8_t op;        /* enum insn_op, of the memory form where there are two */
	uint8_t form;      /* enum insn_form */
	uint8_t group;     /* enum insn_group */
};

/* The lines of the tables: nothing to emulate, an operation, a group. */
#define INSN_OPCODE(encoding)                                          \
	{                                                              \
		INSN_VALID | (encoding), INSN_OTHER, INSN_FORM_NONE, 0 \
	}
#define INSN_OPCODE_OP(op, form, encoding)               \
	{                                                \
		INSN_VALID | (encoding), (op), (form), 0 \
	}
#define INSN_OPCODE_GROUP(group, encoding)                          \
	{                                                           \
		INSN_VALID | INSN_MODRM | (encoding), 0, 0, (group) \
	}

extern const struct insn_opcode insn_one_byte[256];
extern const struct insn_opcode insn_two_byte[256]; /* after 0F */
extern const struct insn_opcode insn_groups[INSN_GROUPS][8];

/* 0F 01 with a register ModRM: instructions of their own, by ModRM - 0xc0. */
extern const struct insn_opcode insn_system_registers[64];

/* The rows 00..3F: six ALU forms each, by opcode bits 2:0; the operation is opcode bits 5:3. */
extern const struct insn_opcode insn_alu_forms[6];
extern const uint8_t insn_alu_ops[8];
