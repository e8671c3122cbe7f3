/* SPDX-License-Identifier: GPL-2.0-only */
/* The instruction decoder on any bytes: the first chooses the mode, the rest are the instruction.
 */
/* arch: x86 */
/* sources: arch/x86/insn.c arch/x86/insn_table.c arch/x86/insn_table_0f.c arch/x86/insn_alu.c */
#include "arch/insn.h"

#include <string.h>

#include "core/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition) {
		__builtin_trap();
	}
}

/* Whatever is decoded must be safe to act on: register numbers, sizes and the segment index arrays.
 */
static void check_members(const struct insn *insn)
{
	uint8_t size = insn->operand_size;

	require(size == 1 || size == 2 || size == 4 || size == 8);
	require(insn->address_size == 2 || insn->address_size == 4 || insn->address_size == 8);
	require(insn->result_size >= size);
	require(insn->reg < 16 && insn->base >= -1 && insn->base < 16);
	require(insn->index >= -1 && insn->index < 16 && insn->segment < 6);
	require(!insn->reg_is_high_byte || insn->reg < 4);
	require(insn->control < 16);
}

static void check_alu(const struct insn *insn, uint64_t a)
{
	uint64_t operands[2] = { a, insn->immediate };
	uint64_t flags = 2;
	uint64_t result = insn_alu(insn->op, insn->operand_size, operands, &flags);

	require(insn->operand_size == 8 || result >> (insn->operand_size * 8) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum insn_mode mode;
	struct insn insn, exact;
	int result;

	if (size == 0) {
		return 0;
	}
	mode = (enum insn_mode)(data[0] % 3);
	result = insn_decode(&insn, mode, ++data, --size);
	if (result != 0) {
		require(result == -E_RANGE || result == -E_INVAL || result == -E_NOTSUP);
		require(result != -E_RANGE || size < INSN_LENGTH_MAX);
		return 0;
	}
	require(insn.length >= 1 && insn.length <= INSN_LENGTH_MAX && insn.length <= size);
	require(insn_decode(&exact, mode, data, insn.length) == 0);
	require(memcmp(&insn, &exact, sizeof(insn)) == 0);
	for (size_t cut = 0; cut < insn.length; cut++) {
		require(insn_decode(&exact, mode, data, cut) == -E_RANGE);
	}
	check_members(&insn);
	check_alu(&insn, size);
	return 0;
}
