/* SPDX-License-Identifier: GPL-2.0-only */
/* The instruction decoder on hand-assembled bytes, and its ALU against the host CPU's. */
/* arch: x86 */
/* sources: arch/x86/insn.c arch/x86/insn_table.c arch/x86/insn_table_0f.c arch/x86/insn_alu.c */
#include "arch/insn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/bits.h"
#include "core/err.h"

#define FLAGS_ARITHMETIC (BIT(0) | BIT(2) | BIT(4) | BIT(6) | BIT(7) | BIT(11))
#define FLAG_ADJUST      BIT(4)

#define M16 INSN_MODE_16
#define M32 INSN_MODE_32
#define M64 INSN_MODE_64

/* Bytes as a string; its own end is not part of them. */
#define CODE(text) (const uint8_t *)(text), sizeof(text) - 1

static struct insn decoded(enum insn_mode mode, const uint8_t *bytes, size_t size)
{
	struct insn insn;

	assert_int_equal(insn_decode(&insn, mode, bytes, size), 0);
	assert_int_equal(insn.length, size);
	return insn;
}

struct length_case {
	enum insn_mode mode;
	const char *name;
	const char *bytes;
	size_t size;
	enum insn_op op;
};

#define CASE(mode, name, text, op)                     \
	{                                              \
		mode, name, text, sizeof(text) - 1, op \
	}

static const struct length_case cases[] = {
	CASE(M64, "cpuid", "\x0f\xa2", INSN_CPUID),
	CASE(M64, "rdmsr", "\x0f\x32", INSN_RDMSR),
	CASE(M64, "wrmsr", "\x0f\x30", INSN_WRMSR),
	CASE(M64, "hlt", "\xf4", INSN_HLT),
	CASE(M64, "rex hlt", "\x48\xf4", INSN_HLT),
	CASE(M64, "vmmcall", "\x0f\x01\xd9", INSN_VMMCALL),
	CASE(M64, "vmcall", "\x0f\x01\xc1", INSN_VMCALL),
	CASE(M64, "vmrun", "\x0f\x01\xd8", INSN_OTHER),
	CASE(M64, "clts", "\x0f\x06", INSN_CLTS),
	CASE(M64, "invd", "\x0f\x08", INSN_INVD),
	CASE(M64, "wbinvd", "\x0f\x09", INSN_WBINVD),
	CASE(M64, "xsetbv", "\x0f\x01\xd1", INSN_XSETBV),
	CASE(M64, "rdtsc", "\x0f\x31", INSN_RDTSC),
	CASE(M64, "rdtscp", "\x0f\x01\xf9", INSN_RDTSCP),
	CASE(M64, "swapgs", "\x0f\x01\xf8", INSN_OTHER),
	CASE(M64, "rdpmc", "\x0f\x33", INSN_RDPMC),
	CASE(M64, "pause", "\xf3\x90", INSN_PAUSE),
	CASE(M64, "nop", "\x90", INSN_OTHER),
	CASE(M64, "xchg r8, rax", "\xf3\x49\x90", INSN_OTHER),
	CASE(M64, "monitor", "\x0f\x01\xc8", INSN_MONITOR),
	CASE(M64, "mwait", "\x0f\x01\xc9", INSN_MWAIT),
	CASE(M64, "invlpg [rax + 8]", "\x0f\x01\x78\x08", INSN_INVLPG),
	CASE(M64, "lgdt [rip + 0]", "\x0f\x01\x15\0\0\0\0", INSN_OTHER),
	CASE(M64, "mov rax, imm64", "\x48\xb8\1\2\3\4\5\6\7\x8", INSN_OTHER),
	CASE(M32, "mov eax, imm32", "\xb8\1\2\3\4", INSN_OTHER),
	CASE(M16, "mov ax, imm16", "\xb8\1\2", INSN_OTHER),
	CASE(M16, "mov eax, imm32", "\x66\xb8\1\2\3\4", INSN_OTHER),
	CASE(M64, "push imm32", "\x68\1\2\3\4", INSN_OTHER),
	CASE(M16, "push imm16", "\x68\1\2", INSN_OTHER),
	CASE(M64, "enter", "\xc8\1\2\3", INSN_OTHER),
	CASE(M32, "call far", "\x9a\1\2\3\4\5\6", INSN_OTHER),
	CASE(M16, "jmp far", "\xea\1\2\3\4", INSN_OTHER),
	CASE(M64, "jz near", "\x0f\x84\1\2\3\4", INSN_OTHER),
	CASE(M64, "test r/m8, imm8", "\xf6\xc0\1", INSN_OTHER),
	CASE(M64, "not r/m8", "\xf6\xd0", INSN_OTHER),
	CASE(M64, "test rm, imm32", "\xf7\xc0\1\2\3\4", INSN_OTHER),
	CASE(M64, "shld rm, r, imm8", "\x0f\xa4\xc0\1", INSN_OTHER),
	CASE(M64, "pshufb (0f 38)", "\x66\x0f\x38\x00\xc1", INSN_OTHER),
	CASE(M64, "palignr (0f 3a)", "\x66\x0f\x3a\x0f\xc1\1", INSN_OTHER),
	CASE(M64, "extrq x, 1, 2", "\x66\x0f\x78\xc0\1\2", INSN_OTHER),
	CASE(M64, "vmread", "\x0f\x78\xc0", INSN_OTHER),
	CASE(M64, "pfadd (3dnow)", "\x0f\x0f\xc1\x9e", INSN_OTHER),
	CASE(M32, "les (not vex)", "\xc4\x00", INSN_OTHER),
	CASE(M32, "bound (not evex)", "\x62\x00", INSN_OTHER),
	CASE(M64, "pop (not xop)", "\x8f\x00", INSN_OTHER),
	CASE(M32, "inc eax (not rex)", "\x40", INSN_OTHER),
	CASE(M32, "arpl (not movsxd)", "\x63\x00", INSN_OTHER),
	CASE(M64, "mov ss, ax", "\x8e\xd0", INSN_OTHER),
	CASE(M64, "adc [rax], ecx", "\x11\x08", INSN_OTHER),
};

static void decode_knows_lengths_and_meanings(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct length_case *c = &cases[i];
		uint8_t bytes[INSN_LENGTH_MAX + 1] = { 0 };
		struct insn insn;

		memcpy(bytes, c->bytes, c->size);
		if (insn_decode(&insn, c->mode, bytes, sizeof(bytes)) != 0 ||
		    insn.length != c->size || insn.op != c->op) {
			fail_msg("%s: length %d, op %d", c->name, insn.length, (int)insn.op);
		}
		for (size_t size = 0; size < c->size; size++) {
			assert_int_equal(insn_decode(&insn, c->mode, bytes, size), -E_RANGE);
		}
	}
}

static void decode_refuses_what_is_no_instruction(void **state)
{
	static const struct length_case invalid[] = {
		CASE(M64, "push es", "\x06", 0),
		CASE(M64, "aaa", "\x37", 0),
		CASE(M64, "into", "\xce", 0),
		CASE(M64, "call far", "\x9a\0\0\0\0\0\0", 0),
		CASE(M64, "82 alias", "\x82\xc0\0", 0),
		CASE(M64, "ud2", "\x0f\x0b", 0),
		CASE(M64, "ud1", "\x0f\xb9\xc0", 0),
		CASE(M64, "mov from cr1", "\x0f\x20\xc8", 0),
		CASE(M64, "mov to cr9", "\x44\x0f\x22\xc8", 0),
		CASE(M64, "mov to dr8", "\x44\x0f\x23\xc0", 0),
		CASE(M64, "c6 /1", "\xc6\x08\0", 0),
		CASE(M64, "8f /1", "\x8f\xc8\0\0\0\0", 0),
		CASE(M64, "0f 01 c0", "\x0f\x01\xc0", 0),
		CASE(M64, "0f ba /3", "\x0f\xba\x18\0", 0),
		CASE(M64, "ff /7", "\xff\xf8", 0),
	};
	struct insn insn;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(invalid); i++) {
		int result = insn_decode(&insn, invalid[i].mode, (const uint8_t *)invalid[i].bytes,
					 invalid[i].size);

		/* 8F with a map number of 8 and more is XOP. */
		if (result != (strcmp(invalid[i].name, "8f /1") == 0 ? -E_NOTSUP : -E_INVAL)) {
			fail_msg("%s: %d", invalid[i].name, result);
		}
	}
}

static void decode_refuses_vector_encodings(void **state)
{
	struct insn insn;

	(void)state;
	assert_int_equal(insn_decode(&insn, M64, CODE("\xc5\xf8\x77")), -E_NOTSUP);
	assert_int_equal(insn_decode(&insn, M64, CODE("\xc4\xe2\x7d\x18\x00")), -E_NOTSUP);
	assert_int_equal(insn_decode(&insn, M64, CODE("\x62\xf1\x7c\x48\x28\xc1")), -E_NOTSUP);
	assert_int_equal(insn_decode(&insn, M32, CODE("\xc5\xf8\x77")), -E_NOTSUP);
}

static void decode_refuses_sixteen_bytes(void **state)
{
	uint8_t bytes[16];
	struct insn insn;

	(void)state;
	memset(bytes, 0x66, sizeof(bytes));
	bytes[14] = 0x90;
	assert_int_equal(insn_decode(&insn, M64, bytes, sizeof(bytes)), 0);
	assert_int_equal(insn.length, 15);
	bytes[14] = 0x66;
	bytes[15] = 0x90;
	assert_int_equal(insn_decode(&insn, M64, bytes, sizeof(bytes)), -E_INVAL);
	assert_int_equal(insn_decode(&insn, M64, bytes, 15), -E_INVAL);
	assert_int_equal(insn_decode(&insn, M64, bytes, 14), -E_RANGE);
}

static void decode_mov_store_with_sib(void **state)
{
	/* mov [r12 + r9 * 4 - 0x80], r10d */
	struct insn insn = decoded(M64, CODE("\x47\x89\x54\x8c\x80"));

	(void)state;
	assert_int_equal(insn.op, INSN_MOV_STORE);
	assert_int_equal(insn.operand_size, 4);
	assert_int_equal(insn.address_size, 8);
	assert_true(insn.memory_is_destination);
	assert_int_equal(insn.source, INSN_REG);
	assert_int_equal(insn.reg, 10);
	assert_true(insn.has_memory);
	assert_int_equal(insn.base, 12);
	assert_int_equal(insn.index, 9);
	assert_int_equal(insn.scale, 4);
	assert_int_equal(insn.displacement, -0x80);
	assert_int_equal(insn.segment, 3);
}

static void decode_mov_load_rip_relative(void **state)
{
	/* mov rax, [rip - 2] */
	struct insn insn = decoded(M64, CODE("\x48\x8b\x05\xfe\xff\xff\xff"));

	(void)state;
	assert_int_equal(insn.op, INSN_MOV_LOAD);
	assert_int_equal(insn.operand_size, 8);
	assert_true(insn.rip_relative);
	assert_int_equal(insn.base, -1);
	assert_int_equal(insn.displacement, -2);
	assert_false(insn.memory_is_destination);
}

static void decode_absolute_address_is_not_rip_relative(void **state)
{
	struct insn insn =
		decoded(M64, CODE("\x8b\x04\x25\x00\x00\xe0\xfe")); /* mov eax, [0xfee00000] */

	(void)state;
	assert_false(insn.rip_relative);
	assert_int_equal(insn.base, -1);
	assert_int_equal(insn.index, -1);
	assert_int_equal(insn.displacement, (int32_t)0xfee00000);
	insn = decoded(M32, CODE("\x8b\x05\x00\x00\xe0\xfe"));
	assert_false(insn.rip_relative);
	assert_int_equal((uint32_t)insn.displacement, 0xfee00000);
}

static void decode_moffs_takes_the_address_size(void **state)
{
	struct insn insn = decoded(M64, CODE("\x48\xa1\1\0\0\0\0\0\0\x80"));

	(void)state;
	assert_int_equal(insn.op, INSN_MOV_LOAD);
	assert_int_equal((uint64_t)insn.displacement, 0x8000000000000001);
	assert_int_equal(insn.operand_size, 8);
	insn = decoded(M32, CODE("\xa2\0\0\xe0\xfe"));
	assert_int_equal(insn.op, INSN_MOV_STORE);
	assert_int_equal(insn.operand_size, 1);
	assert_int_equal(insn.reg, 0);
	assert_true(insn.has_memory && insn.memory_is_destination);
	insn = decoded(M16, CODE("\x66\xa3\x34\x12"));
	assert_int_equal(insn.displacement, 0x1234);
	assert_int_equal(insn.operand_size, 4);
}

static void decode_16_bit_addressing(void **state)
{
	struct insn insn = decoded(M16, CODE("\x89\x42\xfe")); /* mov [bp + si - 2], ax */

	(void)state;
	assert_int_equal(insn.operand_size, 2);
	assert_int_equal(insn.address_size, 2);
	assert_int_equal(insn.base, 5);
	assert_int_equal(insn.index, 6);
	assert_int_equal(insn.displacement, -2);
	assert_int_equal(insn.segment, 2);
	insn = decoded(M16, CODE("\x89\x06\x34\x12")); /* mov [0x1234], ax */
	assert_int_equal(insn.base, -1);
	assert_int_equal(insn.displacement, 0x1234);
	assert_int_equal(insn.segment, 3);
	insn = decoded(M16, CODE("\x67\x66\x8b\x04\x24")); /* mov eax, [esp] */
	assert_int_equal(insn.address_size, 4);
	assert_int_equal(insn.operand_size, 4);
	assert_int_equal(insn.base, 4);
	assert_int_equal(insn.segment, 2);
}

static void decode_default_segment_follows_the_base(void **state)
{
	(void)state;
	assert_int_equal(decoded(M64, CODE("\x8b\x45\x00")).segment, 2);     /* [rbp] */
	assert_int_equal(decoded(M64, CODE("\x41\x8b\x45\x00")).segment, 3); /* [r13] */
	assert_int_equal(decoded(M64, CODE("\x64\x8b\x45\x00")).segment, 4); /* fs:[rbp] */
	assert_int_equal(decoded(M64, CODE("\x65\x2e\x8b\x00")).segment, 5); /* cs is ignored */
	assert_int_equal(decoded(M32, CODE("\x2e\x8b\x00")).segment, 1);     /* cs:[eax] */
	assert_int_equal(decoded(M32, CODE("\x8b\x04\x2d\0\0\0\0")).segment,
			 3); /* ebp is the index */
}

static void decode_high_byte_registers_only_without_rex(void **state)
{
	struct insn insn = decoded(M64, CODE("\x88\x20")); /* mov [rax], ah */

	(void)state;
	assert_true(insn.reg_is_high_byte);
	assert_int_equal(insn.reg, 0);
	insn = decoded(M64, CODE("\x40\x88\x20")); /* mov [rax], spl */
	assert_false(insn.reg_is_high_byte);
	assert_int_equal(insn.reg, 4);
	insn = decoded(M64, CODE("\x0f\xb6\x20")); /* movzx esp, byte [rax]: not a byte register */
	assert_false(insn.reg_is_high_byte);
	assert_int_equal(insn.reg, 4);
}

static void decode_rex_counts_only_before_the_opcode(void **state)
{
	struct insn insn = decoded(M64, CODE("\x48\x66\x8b\x00"));

	(void)state;
	assert_int_equal(insn.operand_size, 2);
	insn = decoded(M64, CODE("\x66\x48\x8b\x00"));
	assert_int_equal(insn.operand_size, 8);
}

static void decode_extending_loads_have_two_sizes(void **state)
{
	struct insn insn = decoded(M64, CODE("\x48\x0f\xb6\x00")); /* movzx rax, byte [rax] */

	(void)state;
	assert_int_equal(insn.op, INSN_MOVZX);
	assert_int_equal(insn.operand_size, 1);
	assert_int_equal(insn.result_size, 8);
	insn = decoded(M32, CODE("\x0f\xbf\x00")); /* movsx eax, word [eax] */
	assert_int_equal(insn.op, INSN_MOVSX);
	assert_int_equal(insn.operand_size, 2);
	assert_int_equal(insn.result_size, 4);
	insn = decoded(M64, CODE("\x4c\x63\x00")); /* movsxd r8, dword [rax] */
	assert_int_equal(insn.op, INSN_MOVSX);
	assert_int_equal(insn.operand_size, 4);
	assert_int_equal(insn.result_size, 8);
	assert_int_equal(insn.reg, 8);
}

static void decode_immediates_are_sign_extended(void **state)
{
	struct insn insn =
		decoded(M64, CODE("\x48\xc7\x00\xff\xff\xff\xff")); /* mov qword [rax], -1 */

	(void)state;
	assert_int_equal(insn.op, INSN_MOV_STORE);
	assert_int_equal(insn.source, INSN_IMM);
	assert_int_equal(insn.immediate, UINT64_MAX);
	insn = decoded(M32, CODE("\x83\x08\x80")); /* or dword [eax], -128 */
	assert_int_equal(insn.op, INSN_OR);
	assert_int_equal(insn.immediate, (uint64_t)-128);
	insn = decoded(M64, CODE("\x66\xc7\x00\x34\x12")); /* mov word [rax], 0x1234 */
	assert_int_equal(insn.immediate, 0x1234);
	insn = decoded(M64, CODE("\xc7\x80\xf0\x00\x00\x00\xff\x01\x00\x00"));
	assert_int_equal(insn.displacement, 0xf0);
	assert_int_equal(insn.immediate, 0x1ff);
}

static void decode_alu_forms(void **state)
{
	static const enum insn_op ops[8] = { INSN_ADD, INSN_OR,  INSN_OTHER, INSN_OTHER,
					     INSN_AND, INSN_SUB, INSN_XOR,   INSN_CMP };

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		uint8_t rm_reg[2] = { (uint8_t)(i << 3 | 1), 0x08 };
		uint8_t reg_rm[2] = { (uint8_t)(i << 3 | 3), 0x08 };
		uint8_t rm_imm[3] = { 0x80, (uint8_t)(i << 3), 7 };
		struct insn insn = decoded(M64, rm_reg, sizeof(rm_reg));

		assert_int_equal(insn.op, ops[i]);
		assert_true(insn.memory_is_destination);
		assert_int_equal(insn.reg, 1);
		insn = decoded(M64, reg_rm, sizeof(reg_rm));
		assert_int_equal(insn.op, ops[i]);
		assert_false(insn.memory_is_destination);
		insn = decoded(M64, rm_imm, sizeof(rm_imm));
		assert_int_equal(insn.op, ops[i]);
		assert_int_equal(insn.operand_size, 1);
		assert_int_equal(insn.immediate, 7);
	}
	assert_int_equal(decoded(M64, CODE("\x84\x08")).op, INSN_TEST);
	assert_int_equal(decoded(M64, CODE("\xf6\x00\x01")).op, INSN_TEST);
	assert_int_equal(decoded(M64, CODE("\x87\x08")).op, INSN_XCHG);
	assert_true(decoded(M64, CODE("\xf0\x0f\xba\x28\x05")).lock);
	assert_int_equal(decoded(M64, CODE("\x0f\xba\x28\x05")).op, INSN_BTS);
	assert_int_equal(decoded(M64, CODE("\x0f\xb3\x08")).op, INSN_BTR);
	assert_int_equal(decoded(M64, CODE("\x0f\xa3\x08")).op, INSN_BT);
	assert_int_equal(decoded(M64, CODE("\x01\xc8")).op, INSN_OTHER); /* registers alone */
}

static void decode_string_forms(void **state)
{
	struct insn insn = decoded(M64, CODE("\xf3\x48\xa5")); /* rep movsq */

	(void)state;
	assert_int_equal(insn.op, INSN_MOVS);
	assert_true(insn.rep && insn.has_memory && insn.memory_is_destination);
	assert_int_equal(insn.operand_size, 8);
	assert_int_equal(insn.base, 6);
	insn = decoded(M32, CODE("\x64\xaa")); /* stosb: the override does not reach ES:rDI */
	assert_int_equal(insn.op, INSN_STOS);
	assert_int_equal(insn.base, 7);
	assert_int_equal(insn.segment, 0);
	insn = decoded(M32, CODE("\x64\xac")); /* lodsb fs:[esi] */
	assert_int_equal(insn.op, INSN_LODS);
	assert_int_equal(insn.segment, 4);
	assert_false(insn.memory_is_destination);
	insn = decoded(M64, CODE("\xf3\x48\x6d")); /* rep insd: never 8 bytes */
	assert_int_equal(insn.op, INSN_INS);
	assert_int_equal(insn.operand_size, 4);
	assert_int_equal(insn.reg, 2);
	insn = decoded(M16, CODE("\x67\x6f")); /* outsw, 32-bit address */
	assert_int_equal(insn.op, INSN_OUTS);
	assert_int_equal(insn.operand_size, 2);
	assert_int_equal(insn.address_size, 4);
}

static void decode_port_forms(void **state)
{
	struct insn insn = decoded(M64, CODE("\xe4\xf4")); /* in al, 0xf4 */

	(void)state;
	assert_int_equal(insn.op, INSN_IN);
	assert_int_equal(insn.source, INSN_IMM);
	assert_int_equal(insn.immediate, 0xf4);
	assert_int_equal(insn.operand_size, 1);
	insn = decoded(M64, CODE("\x66\xef")); /* out dx, ax */
	assert_int_equal(insn.op, INSN_OUT);
	assert_int_equal(insn.source, INSN_REG);
	assert_int_equal(insn.reg, 2);
	assert_int_equal(insn.operand_size, 2);
}

static void decode_control_registers(void **state)
{
	struct insn insn = decoded(M64, CODE("\x41\x0f\x22\xdb")); /* mov cr3, r11 */

	(void)state;
	assert_int_equal(insn.op, INSN_MOV_TO_CR);
	assert_int_equal(insn.control, 3);
	assert_int_equal(insn.reg, 11);
	assert_int_equal(insn.operand_size, 8);
	insn = decoded(M64, CODE("\x44\x0f\x20\xc0")); /* mov rax, cr8 */
	assert_int_equal(insn.op, INSN_MOV_FROM_CR);
	assert_int_equal(insn.control, 8);
	insn = decoded(M32, CODE("\xf0\x0f\x22\xc0")); /* lock mov cr0, eax is mov cr8, eax */
	assert_int_equal(insn.control, 8);
	assert_int_equal(insn.operand_size, 4);
	insn = decoded(M32, CODE("\x0f\x22\x01")); /* mov cr0, ecx: ModRM.mod is ignored */
	assert_int_equal(insn.reg, 1);
	assert_false(insn.has_memory);
	insn = decoded(M64, CODE("\x0f\x21\xf8")); /* mov rax, dr7 */
	assert_int_equal(insn.op, INSN_MOV_FROM_DR);
	assert_int_equal(insn.control, 7);
	insn = decoded(M32, CODE("\x0f\x01\xf1")); /* lmsw cx */
	assert_int_equal(insn.op, INSN_LMSW);
	assert_int_equal(insn.reg, 1);
	insn = decoded(M32, CODE("\x0f\x01\x20")); /* smsw [eax] */
	assert_int_equal(insn.op, INSN_SMSW);
	assert_int_equal(insn.operand_size, 2);
	assert_true(insn.has_memory && insn.memory_is_destination);
}

static void decode_soft_interrupts_name_their_vector(void **state)
{
	(void)state;
	assert_int_equal(decoded(M64, CODE("\xcd\x80")).immediate, 0x80);
	assert_int_equal(decoded(M64, CODE("\xcc")).immediate, 3);
	assert_int_equal(decoded(M64, CODE("\xf1")).immediate, 1);
	assert_int_equal(decoded(M32, CODE("\xce")).immediate, 4);
	assert_int_equal(decoded(M32, CODE("\xce")).op, INSN_INT);
}

/* The host CPU's answer. The pushes keep clear of the red zone of the host ABI. */
#define HOST_OP(type, name)                                                            \
	{                                                                              \
		type value = (type)a;                                                  \
		__asm__ volatile("lea -128(%%rsp), %%rsp; push %[f]; popf; " name      \
				 " %[b], %[v]; pushf; pop %[f]; lea 128(%%rsp), %%rsp" \
				 : [v] "+r"(value), [f] "+r"(flags)                    \
				 : [b] "r"((type)b)                                    \
				 : "cc", "memory");                                    \
		result = value;                                                        \
	}
#define HOST_SIZES(name)                    \
	if (size == 1) {                    \
		HOST_OP(uint8_t, name "b")  \
	} else if (size == 2) {             \
		HOST_OP(uint16_t, name "w") \
	} else if (size == 4) {             \
		HOST_OP(uint32_t, name "l") \
	} else {                            \
		HOST_OP(uint64_t, name "q") \
	}
#define HOST_BITS(name)                     \
	if (size == 2) {                    \
		HOST_OP(uint16_t, name "w") \
	} else if (size == 4) {             \
		HOST_OP(uint32_t, name "l") \
	} else {                            \
		HOST_OP(uint64_t, name "q") \
	}

static uint64_t host_alu(enum insn_op op, unsigned size, uint64_t ab[2], uint64_t *rflags)
{
	uint64_t a = ab[0], b = ab[1], result = 0, flags = *rflags;

	switch ((unsigned)op) {
	case INSN_ADD:
		HOST_SIZES("add");
		break;
	case INSN_SUB:
		HOST_SIZES("sub");
		break;
	case INSN_CMP:
		HOST_SIZES("cmp");
		break;
	case INSN_AND:
		HOST_SIZES("and");
		break;
	case INSN_OR:
		HOST_SIZES("or");
		break;
	case INSN_XOR:
		HOST_SIZES("xor");
		break;
	case INSN_TEST:
		HOST_SIZES("test");
		break;
	case INSN_BT:
		HOST_BITS("bt");
		break;
	case INSN_BTS:
		HOST_BITS("bts");
		break;
	case INSN_BTR:
		HOST_BITS("btr");
		break;
	default:
		fail();
	}
	*rflags = flags;
	return result;
}

/* AF of logic and all but CF of bit tests are undefined (APM3): not compared. */
static uint64_t compared_flags(enum insn_op op)
{
	if (op == INSN_BT || op == INSN_BTS || op == INSN_BTR) {
		return BIT(0);
	}
	return op == INSN_ADD || op == INSN_SUB || op == INSN_CMP ? FLAGS_ARITHMETIC
								  : FLAGS_ARITHMETIC & ~FLAG_ADJUST;
}

static void compare_with_host(enum insn_op op, unsigned size, uint64_t a, uint64_t b)
{
	uint64_t operands[2] = { a, b };
	uint64_t mask = compared_flags(op);

	for (unsigned set = 0; set < 2; set++) {
		uint64_t ours = set != 0 ? FLAGS_ARITHMETIC | 2 : 2, host = ours;
		uint64_t result = insn_alu(op, size, operands, &ours);
		uint64_t expected = host_alu(op, size, operands, &host);

		if (result != expected || ((ours ^ host) & mask) != 0) {
			fail_msg("op %d size %u: %lx, %lx: %lx flags %lx, host %lx flags %lx",
				 (int)op, size, a, b, result, ours, expected, host);
		}
	}
}

static void alu_agrees_with_the_cpu(void **state)
{
	static const enum insn_op ops[] = { INSN_ADD, INSN_SUB,  INSN_CMP, INSN_AND, INSN_OR,
					    INSN_XOR, INSN_TEST, INSN_BT,  INSN_BTS, INSN_BTR };
	static const uint64_t edges[] = {
		0,          1,          2,         0x0f,    0x10,       0x7f,
		0x80,       0xff,       0x7fff,    0x8000,  0xffff,     0x7fffffff,
		0x80000000, 0xffffffff, INT64_MAX, BIT(63), UINT64_MAX, 0x123456789abcdef0
	};

	(void)state;
	for (size_t op = 0; op < ARRAY_SIZE(ops); op++) {
		for (unsigned size = op < 7 ? 1 : 2; size <= 8; size *= 2) {
			for (size_t i = 0; i < ARRAY_SIZE(edges) * ARRAY_SIZE(edges); i++) {
				compare_with_host(ops[op], size, edges[i % ARRAY_SIZE(edges)],
						  edges[i / ARRAY_SIZE(edges)]);
			}
		}
	}
}

static void alu_keeps_flags_of_moves_and_others(void **state)
{
	uint64_t operands[2] = { 5, 0x1ff };
	uint64_t flags = FLAGS_ARITHMETIC | BIT(9) | BIT(21);

	(void)state;
	assert_int_equal(insn_alu(INSN_XCHG, 1, operands, &flags), 0xff);
	assert_int_equal(flags, FLAGS_ARITHMETIC | BIT(9) | BIT(21));
	assert_int_equal(insn_alu(INSN_AND, 2, operands, &flags), 5);
	assert_int_equal(flags & ~FLAGS_ARITHMETIC, BIT(9) | BIT(21));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decode_knows_lengths_and_meanings),
		cmocka_unit_test(decode_refuses_what_is_no_instruction),
		cmocka_unit_test(decode_refuses_vector_encodings),
		cmocka_unit_test(decode_refuses_sixteen_bytes),
		cmocka_unit_test(decode_mov_store_with_sib),
		cmocka_unit_test(decode_mov_load_rip_relative),
		cmocka_unit_test(decode_absolute_address_is_not_rip_relative),
		cmocka_unit_test(decode_moffs_takes_the_address_size),
		cmocka_unit_test(decode_16_bit_addressing),
		cmocka_unit_test(decode_default_segment_follows_the_base),
		cmocka_unit_test(decode_high_byte_registers_only_without_rex),
		cmocka_unit_test(decode_rex_counts_only_before_the_opcode),
		cmocka_unit_test(decode_extending_loads_have_two_sizes),
		cmocka_unit_test(decode_immediates_are_sign_extended),
		cmocka_unit_test(decode_alu_forms),
		cmocka_unit_test(decode_string_forms),
		cmocka_unit_test(decode_port_forms),
		cmocka_unit_test(decode_control_registers),
		cmocka_unit_test(decode_soft_interrupts_name_their_vector),
		cmocka_unit_test(alu_agrees_with_the_cpu),
		cmocka_unit_test(alu_keeps_flags_of_moves_and_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
