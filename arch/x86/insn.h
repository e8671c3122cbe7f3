/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instruction decoder: bytes to meaning, a pure function without memory or register access
 * (host-tested and fuzzed). It knows what a trapped access to a device, or an exit without a
 * next-RIP, can have been: MOV and its relatives, string moves, and the length of every instruction
 * that has an intercept. APM3 chapter 1 "Instruction Encoding".
 */
#pragma once

#include "core/types.h"

#define INSN_LENGTH_MAX 15 /* APM3 1.1: a longer instruction is #GP */

enum insn_mode { INSN_MODE_16, INSN_MODE_32, INSN_MODE_64 };

enum insn_op {
	INSN_OTHER,     /* length is right, meaning is not ours to emulate */
	INSN_MOV_LOAD,  /* register <- memory, zero-extended as the operand size says */
	INSN_MOV_STORE, /* memory <- register or immediate */
	INSN_MOVZX,     /* register <- zero-extended memory */
	INSN_MOVSX,     /* register <- sign-extended memory (MOVSX, MOVSXD) */
	INSN_AND, /* memory op= register or immediate, or register op= memory; flags are written */
	INSN_OR,
	INSN_XOR,
	INSN_ADD,
	INSN_SUB,
	INSN_CMP,  /* no write-back */
	INSN_TEST, /* no write-back */
	INSN_XCHG,
	INSN_MOVS,
	INSN_STOS,
	INSN_LODS,
	INSN_BT, /* bit test with immediate or register */
	INSN_BTS,
	INSN_BTR,
	/* The intercepted ones: only their length and, where it matters, their registers count. */
	INSN_CPUID,
	INSN_RDMSR,
	INSN_WRMSR,
	INSN_HLT,
	INSN_VMMCALL,
	INSN_VMCALL,
	INSN_MOV_TO_CR, /* reg = source GPR, cr = number */
	INSN_MOV_FROM_CR,
	INSN_MOV_TO_DR,
	INSN_MOV_FROM_DR,
	INSN_CLTS,
	INSN_LMSW,
	INSN_SMSW,
	INSN_INVLPG,
	INSN_INVD,
	INSN_WBINVD,
	INSN_XSETBV,
	INSN_RDTSC,
	INSN_RDTSCP,
	INSN_RDPMC,
	INSN_PAUSE,
	INSN_MONITOR,
	INSN_MWAIT,
	INSN_IN,
	INSN_OUT,
	INSN_INS,
	INSN_OUTS,
	INSN_INT, /* INT n, INT3, INTO, INT1: soft events */
};

enum insn_operand { INSN_REG, INSN_IMM };

struct insn {
	enum insn_op op;
	uint8_t length;             /* 1..15 */
	uint8_t operand_size;       /* of the memory access, bytes: 1 2 4 8 */
	uint8_t result_size;        /* of the register written (MOVZX, MOVSX), bytes */
	uint8_t address_size;       /* 2 4 8 */
	bool memory_is_destination; /* of a read-modify-write or store; false: the register is */
	bool lock, rep, repne;
	enum insn_operand source; /* the operand that is not memory */
	uint8_t reg;           /* 0..15 in hardware order (rax rcx rdx rbx rsp rbp rsi rdi r8..) */
	bool reg_is_high_byte; /* AH CH DH BH: reg is 0..3 */
	uint8_t control;       /* CR or DR number of the MOV forms */
	uint64_t immediate;    /* sign-extended to 64 bits; ports and vectors zero-extended */
	uint8_t segment; /* effective segment of the memory operand: 0 ES 1 CS 2 SS 3 DS 4 FS 5 GS
			  */
	/*
	 * How the memory operand's address is made: base + index * scale + displacement, cut to
	 * address_size; RIP-relative ones count from the end of the instruction. String forms: base
	 * is rSI for what reads memory, rDI for STOS and INS; MOVS names its source, its
	 * destination is ES:rDI.
	 */
	bool has_memory;
	bool rip_relative;
	int8_t base;  /* register number or -1 */
	int8_t index; /* register number or -1 */
	uint8_t scale;
	int64_t displacement;
};

/*
 * Decodes bytes[0..size). 0; -E_RANGE when size ends before the instruction does (fetch more, up to
 * 15); -E_INVAL where no instruction is, or one longer than 15 bytes: the guest gets #UD; -E_NOTSUP
 * where its length is unknown to us. MOV and ALU forms on registers alone are INSN_OTHER. Unless 0
 * is returned, insn's members mean nothing.
 */
must_check int insn_decode(struct insn *insn, enum insn_mode mode, const uint8_t *bytes,
			   size_t size);

/*
 * The ALU for read-modify-write forms: result of `destination op source` (operands[0], operands[1])
 * in size bytes; rflags' arithmetic flags are updated. CMP, TEST and BT return destination
 * unchanged. The bit number of BT, BTS and BTR is taken modulo the size, as for a register: who has
 * memory moves to the right word first.
 */
uint64_t insn_alu(enum insn_op op, unsigned size, uint64_t operands[2], uint64_t *rflags);
