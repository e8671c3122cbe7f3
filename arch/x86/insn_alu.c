/* SPDX-License-Identifier: GPL-2.0-only */
/* The integer ALU of the decoder's read-modify-write forms: results and flags, as the CPU makes
 * them. */
#include "arch/insn.h"

#include "core/bits.h"

#define FLAG_CARRY    BIT(0)
#define FLAG_PARITY   BIT(2)
#define FLAG_ADJUST   BIT(4)
#define FLAG_ZERO     BIT(6)
#define FLAG_SIGN     BIT(7)
#define FLAG_OVERFLOW BIT(11)
#define FLAGS_RESULT  (FLAG_PARITY | FLAG_ZERO | FLAG_SIGN)
#define FLAGS_ALL     (FLAGS_RESULT | FLAG_CARRY | FLAG_ADJUST | FLAG_OVERFLOW)

/* The flags that the result alone decides. */
static uint64_t result_flags(uint64_t result, uint64_t sign)
{
	uint64_t flags = 0;

	if (__builtin_parity((unsigned)result & 0xff) == 0) {
		flags |= FLAG_PARITY;
	}
	if (result == 0) {
		flags |= FLAG_ZERO;
	}
	if ((result & sign) != 0) {
		flags |= FLAG_SIGN;
	}
	return flags;
}

static uint64_t add_flags(uint64_t a, uint64_t b, uint64_t sum, uint64_t sign)
{
	uint64_t flags = (a ^ b ^ sum) & FLAG_ADJUST; /* the carry out of bit 3 shows in bit 4 */

	if (sum < a) {
		flags |= FLAG_CARRY;
	}
	if ((~(a ^ b) & (a ^ sum) & sign) != 0) {
		flags |= FLAG_OVERFLOW;
	}
	return flags;
}

static uint64_t sub_flags(uint64_t a, uint64_t b, uint64_t difference, uint64_t sign)
{
	uint64_t flags = (a ^ b ^ difference) & FLAG_ADJUST;

	if (a < b) {
		flags |= FLAG_CARRY;
	}
	if (((a ^ b) & (a ^ difference) & sign) != 0) {
		flags |= FLAG_OVERFLOW;
	}
	return flags;
}

/* BT and its kin: the old bit becomes CF, the other flags stay. APM3 "BTS": they are undefined. */
static uint64_t test_bit(enum insn_op op, uint64_t value, uint64_t bit, uint64_t *rflags)
{
	*rflags = (*rflags & ~FLAG_CARRY) | ((value & bit) != 0 ? FLAG_CARRY : 0);
	if (op == INSN_BTS) {
		return value | bit;
	}
	return op == INSN_BTR ? value & ~bit : value;
}

uint64_t insn_alu(enum insn_op op, unsigned size, uint64_t operands[2], uint64_t *rflags)
{
	uint64_t mask = BITS(size * 8 - 1, 0);
	uint64_t sign = BIT(size * 8 - 1);
	uint64_t a = operands[0] & mask;
	uint64_t b = operands[1] & mask;
	uint64_t result = 0;
	uint64_t flags = 0; /* CF and OF of logic are 0; its AF is undefined, and 0 on real CPUs */

	switch ((unsigned)op) {
	case INSN_ADD:
		result = (a + b) & mask;
		flags = add_flags(a, b, result, sign);
		break;
	case INSN_SUB:
	case INSN_CMP:
		result = (a - b) & mask;
		flags = sub_flags(a, b, result, sign);
		break;
	case INSN_AND:
	case INSN_TEST:
		result = a & b;
		break;
	case INSN_OR:
		result = a | b;
		break;
	case INSN_XOR:
		result = a ^ b;
		break;
	case INSN_BT:
	case INSN_BTS:
	case INSN_BTR:
		return test_bit(op, a, BIT(b % (size * 8)), rflags);
	default:
		return b; /* MOV and XCHG replace, and leave the flags alone */
	}
	*rflags = (*rflags & ~FLAGS_ALL) | flags | result_flags(result, sign);
	return op == INSN_CMP || op == INSN_TEST ? a : result;
}
