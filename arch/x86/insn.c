/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instruction decoder: prefixes, opcode, ModRM, SIB, displacement, immediates, and from them
 * the operands. What an opcode is stands in insn_table.c. APM3 chapter 1 "Instruction Encoding".
 */
#include "arch/insn.h"

#include "arch/insn_table.h"
#include "core/err.h"

#define REX_B BIT(0)
#define REX_X BIT(1)
#define REX_R BIT(2)
#define REX_W BIT(3)

#define MODRM_RM  BITS(2, 0)
#define MODRM_REG BITS(5, 3)
#define MODRM_MOD BITS(7, 6)
#define SIB_BASE  BITS(2, 0)
#define SIB_INDEX BITS(5, 3)
#define SIB_SCALE BITS(7, 6)

#define MAP_OF_XOP 8 /* 8F with a map number below is POP */

enum register_number { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };
enum opcode_map { MAP_ONE_BYTE, MAP_0F, MAP_0F38, MAP_0F3A };
enum segment_number { ES, CS, SS, DS, FS, GS, SEGMENT_NONE };

struct decoder {
	struct insn *insn;
	const uint8_t *bytes;
	size_t size;
	size_t at;
	bool is_short; /* a byte was wanted that is not there; everything read since is 0 */
	enum insn_mode mode;
	enum segment_number override;
	bool operand_prefix;
	bool address_prefix;
	uint8_t rex;
	enum opcode_map map;
	uint8_t byte;         /* the opcode's last byte */
	uint8_t mod, reg, rm; /* of ModRM, without REX */
	struct insn_opcode opcode;
};

/* The next bytes as a little-endian number. Past the end: 0, and the decoder is short. */
static uint64_t fetch(struct decoder *d, unsigned count)
{
	uint64_t value = 0;

	if (d->size - d->at < count) {
		d->is_short = true;
		d->at = d->size;
		return 0;
	}
	for (unsigned i = 0; i < count; i++) {
		value |= (uint64_t)d->bytes[d->at + i] << (i * 8);
	}
	d->at += count;
	return value;
}

static int64_t fetch_signed(struct decoder *d, unsigned count)
{
	unsigned unused = 64 - count * 8;

	return (int64_t)(fetch(d, count) << unused) >> unused;
}

static uint8_t peek(struct decoder *d)
{
	uint8_t byte = (uint8_t)fetch(d, 1);

	d->at -= d->is_short ? 0 : 1;
	return byte;
}

/* APM3 1.2.4 "Segment-Override Prefixes": in 64-bit mode only FS and GS count, the others are
 * ignored. */
static void override_segment(struct decoder *d, enum segment_number segment)
{
	if (d->mode != INSN_MODE_64 || segment >= FS) {
		d->override = segment;
	}
}

/* Takes a legacy prefix; false where byte is none. */
static bool take_prefix(struct decoder *d, uint8_t byte)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		override_segment(d, (enum segment_number)(ES + ((byte >> 3) & 3)));
		return true;
	case 0x64:
	case 0x65:
		override_segment(d, (enum segment_number)(FS + (byte & 1)));
		return true;
	case 0x66:
		d->operand_prefix = true;
		return true;
	case 0x67:
		d->address_prefix = true;
		return true;
	case 0xf0:
		d->insn->lock = true;
		return true;
	case 0xf2:
	case 0xf3:
		d->insn->repne = byte == 0xf2; /* the last of the two counts */
		d->insn->rep = byte == 0xf3;
		return true;
	default:
		return false;
	}
}

/* Prefixes and the first opcode byte. A REX prefix counts only right before the opcode
 * (APM3 1.2.7). */
static void decode_prefixes(struct decoder *d)
{
	for (;;) {
		uint8_t byte = (uint8_t)fetch(d, 1);

		if (take_prefix(d, byte)) {
			d->rex = 0;
		} else if (d->mode == INSN_MODE_64 && (byte & 0xf0) == 0x40) {
			d->rex = byte;
		} else {
			d->byte = byte;
			return;
		}
	}
}

/* VEX, EVEX and XOP took over opcodes whose old meaning allows no register ModRM, or none in 64-bit
 * mode. */
static bool is_vector_escape(struct decoder *d)
{
	switch (d->byte) {
	case 0x62:
	case 0xc4:
	case 0xc5:
		return d->mode == INSN_MODE_64 || field_get(MODRM_MOD, peek(d)) == 3;
	case 0x8f:
		return (peek(d) & BITS(4, 0)) >= MAP_OF_XOP;
	default:
		return false;
	}
}

/* All of 0F 38 has a ModRM; all of 0F 3A has an immediate as well. */
static void find_escaped(struct decoder *d)
{
	d->byte = (uint8_t)fetch(d, 1);
	d->map = d->byte == 0x38 ? MAP_0F38 : d->byte == 0x3a ? MAP_0F3A : MAP_0F;
	if (d->map == MAP_0F) {
		d->opcode = insn_two_byte[d->byte];
	} else {
		d->byte = (uint8_t)fetch(d, 1);
		d->opcode.encoding = INSN_VALID | INSN_MODRM | (d->map == MAP_0F3A ? INSN_IMM8 : 0);
	}
}

static void find_opcode(struct decoder *d)
{
	if (d->byte == 0x0f) {
		find_escaped(d);
	} else if (d->byte < 0x40 && (d->byte & 7) < ARRAY_SIZE(insn_alu_forms)) {
		d->opcode = insn_alu_forms[d->byte & 7];
		d->opcode.op =
			d->opcode.form == INSN_FORM_NONE ? INSN_OTHER : insn_alu_ops[d->byte >> 3];
	} else {
		d->opcode = insn_one_byte[d->byte];
	}
}

/* SSE4A's EXTRQ and INSERTQ are the only opcode whose length depends on a mandatory prefix. */
static bool has_two_immediates(const struct decoder *d)
{
	return d->map == MAP_0F && d->byte == 0x78 && (d->operand_prefix || d->insn->repne);
}

/* ModRM's register field chooses within a group; 0F 01 has instructions for its register forms. */
static void refine_group(struct decoder *d)
{
	uint16_t encoding = d->opcode.encoding;

	if (d->opcode.group == INSN_GROUP_NONE) {
		return;
	}
	if (d->opcode.group == INSN_GROUP_SYSTEM && d->mod == 3) {
		d->opcode = insn_system_registers[d->reg << 3 | d->rm];
	} else {
		d->opcode = insn_groups[d->opcode.group][d->reg];
	}
	if ((d->opcode.encoding & INSN_VALID) != 0) {
		d->opcode.encoding |= encoding;
	}
}

static void decode_modrm(struct decoder *d)
{
	uint8_t modrm = (uint8_t)fetch(d, 1);

	d->mod = (uint8_t)field_get(MODRM_MOD, modrm);
	d->reg = (uint8_t)field_get(MODRM_REG, modrm);
	d->rm = (uint8_t)field_get(MODRM_RM, modrm);
	if ((d->opcode.encoding & INSN_REGISTERS) != 0) {
		d->mod = 3;
	}
	refine_group(d);
}

/* APM3 table 1-14: the register pairs of 16-bit addressing, by ModRM.rm. */
static void decode_address16(struct decoder *d)
{
	static const int8_t bases[8] = { RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX };
	static const int8_t indexes[8] = { RSI, RDI, RSI, RDI, -1, -1, -1, -1 };

	d->insn->base = bases[d->rm];
	d->insn->index = indexes[d->rm];
	if (d->mod == 0 && d->rm == 6) {
		d->insn->base = -1;
		d->insn->displacement = fetch_signed(d, 2);
	} else if (d->mod != 0) {
		d->insn->displacement = fetch_signed(d, d->mod);
	}
}

static void decode_sib(struct decoder *d)
{
	uint8_t sib = (uint8_t)fetch(d, 1);
	uint8_t index = (uint8_t)(field_get(SIB_INDEX, sib) | ((d->rex & REX_X) != 0 ? 8 : 0));
	uint8_t base = (uint8_t)field_get(SIB_BASE, sib);

	if (index != RSP) {
		d->insn->index = (int8_t)index;
		d->insn->scale = (uint8_t)(1 << field_get(SIB_SCALE, sib));
	}
	if (base == RBP && d->mod == 0) {
		d->insn->displacement = fetch_signed(d, 4);
	} else {
		d->insn->base = (int8_t)(base | ((d->rex & REX_B) != 0 ? 8 : 0));
	}
}

static void decode_address(struct decoder *d)
{
	if (d->rm == RSP) {
		decode_sib(d);
	} else if (d->rm == RBP && d->mod == 0) {
		d->insn->rip_relative = d->mode == INSN_MODE_64;
		d->insn->displacement = fetch_signed(d, 4);
	} else {
		d->insn->base = (int8_t)(d->rm | ((d->rex & REX_B) != 0 ? 8 : 0));
	}
	if (d->mod != 0) {
		d->insn->displacement = fetch_signed(d, d->mod == 1 ? 1 : 4);
	}
}

/* APM1 3.1.3 "Segment overrides": what is addressed through rBP or rSP lies in the stack. */
static uint8_t effective_segment(const struct decoder *d)
{
	if (d->override != SEGMENT_NONE) {
		return (uint8_t)d->override;
	}
	return d->insn->base == RSP || d->insn->base == RBP ? SS : DS;
}

static void decode_memory(struct decoder *d)
{
	d->insn->has_memory = true;
	if (d->insn->address_size == 2) {
		decode_address16(d);
	} else {
		decode_address(d);
	}
	d->insn->segment = effective_segment(d);
}

static uint8_t operand_size(const struct decoder *d)
{
	if ((d->rex & REX_W) != 0) {
		return 8;
	}
	return (d->mode == INSN_MODE_16) == d->operand_prefix ? 4 : 2;
}

static uint8_t address_size(const struct decoder *d)
{
	switch (d->mode) {
	case INSN_MODE_16:
		return d->address_prefix ? 4 : 2;
	case INSN_MODE_32:
		return d->address_prefix ? 2 : 4;
	case INSN_MODE_64:
		break;
	}
	return d->address_prefix ? 4 : 8;
}

/* In the order of the bytes: only ENTER and a far pointer have two. */
static void decode_immediates(struct decoder *d)
{
	uint16_t encoding = d->opcode.encoding;
	uint8_t size = operand_size(d);
	unsigned z = size == 2 ? 2 : 4;

	if ((encoding & INSN_MOFFS) != 0) {
		d->insn->displacement = (int64_t)fetch(d, d->insn->address_size);
	}
	if ((encoding & INSN_IMM16) != 0) {
		(void)fetch(d, 2);
	}
	if ((encoding & INSN_IMM8) != 0) {
		d->insn->immediate = (uint64_t)fetch_signed(d, 1);
	}
	if ((encoding & INSN_IMMZ) != 0) {
		d->insn->immediate = (uint64_t)fetch_signed(d, z);
	}
	if ((encoding & INSN_IMMV) != 0) {
		d->insn->immediate = (uint64_t)fetch_signed(d, size);
	}
	if ((encoding & INSN_FAR) != 0) {
		(void)fetch(d, z + 2);
	}
	if (has_two_immediates(d)) {
		(void)fetch(d, 2);
	}
}

static void set_sizes(struct decoder *d)
{
	uint8_t size = operand_size(d);

	d->insn->result_size = size;
	d->insn->operand_size = size;
	if ((d->opcode.encoding & INSN_BYTE) != 0) {
		d->insn->operand_size = 1;
	} else if ((d->opcode.encoding & INSN_WORD) != 0) {
		d->insn->operand_size = 2;
	} else if ((d->opcode.encoding & INSN_IO) != 0 || d->opcode.op == INSN_MOVSX) {
		d->insn->operand_size = size == 8 ? 4 : size;
	}
	if (d->opcode.op != INSN_MOVZX && d->opcode.op != INSN_MOVSX) {
		d->insn->result_size = d->insn->operand_size;
	}
}

/* ModRM's register. Without REX, byte registers 4..7 are the high halves of 0..3. */
static void set_register(struct decoder *d)
{
	if (d->insn->result_size == 1 && d->rex == 0 && d->reg >= 4) {
		d->insn->reg_is_high_byte = true;
		d->insn->reg = d->reg & 3;
	} else {
		d->insn->reg = (uint8_t)(d->reg | ((d->rex & REX_R) != 0 ? 8 : 0));
	}
}

static void set_string(struct decoder *d)
{
	bool is_store = d->opcode.form == INSN_FORM_STORE;

	d->insn->has_memory = true;
	d->insn->memory_is_destination = d->opcode.form != INSN_FORM_LOAD;
	d->insn->base = is_store ? RDI : RSI;
	/* APM3 "MOVS": the destination's ES can not be overridden. */
	d->insn->segment = is_store ? ES : effective_segment(d);
	d->insn->reg = d->opcode.op == INSN_INS || d->opcode.op == INSN_OUTS ? RDX : RAX;
}

/* CR8 is reached by LOCK too (APM3 "MOV CRn", AltMovCr8); what does not exist is #UD. */
static int set_control(struct decoder *d)
{
	bool is_debug = d->opcode.op == INSN_MOV_TO_DR || d->opcode.op == INSN_MOV_FROM_DR;
	bool is_high = (d->rex & REX_R) != 0 || (d->insn->lock && !is_debug);
	uint8_t number = (uint8_t)(d->reg | (is_high ? 8 : 0));

	if (is_debug ? number > 7 : number == 1 || (number > 4 && number != 8)) {
		return -E_INVAL;
	}
	d->insn->control = number;
	d->insn->reg = (uint8_t)(d->rm | ((d->rex & REX_B) != 0 ? 8 : 0));
	d->insn->operand_size = d->mode == INSN_MODE_64 ? 8 : 4;
	d->insn->result_size = d->insn->operand_size;
	return 0;
}

static void set_vector(struct decoder *d)
{
	static const uint8_t debug = 1, breakpoint = 3, overflow = 4;

	d->insn->source = INSN_IMM;
	if (d->byte == 0xcd) {
		d->insn->immediate &= 0xff;
	} else {
		d->insn->immediate = d->byte == 0xcc   ? breakpoint
				     : d->byte == 0xce ? overflow
						       : debug;
	}
}

/* The forms with a memory operand, which without one are not ours. */
static void set_memory_form(struct decoder *d)
{
	enum insn_form form = (enum insn_form)d->opcode.form;

	if (form == INSN_FORM_RM_REG || form == INSN_FORM_REG_RM || form == INSN_FORM_RM_IMM) {
		d->insn->op = d->insn->has_memory ? d->insn->op : INSN_OTHER;
	}
	if (form == INSN_FORM_RM_REG || form == INSN_FORM_REG_RM) {
		set_register(d);
	}
	if (form == INSN_FORM_MOFFS_A || form == INSN_FORM_A_MOFFS) {
		d->insn->has_memory = true;
		d->insn->segment = effective_segment(d);
	}
	d->insn->source = form == INSN_FORM_RM_IMM ? INSN_IMM : INSN_REG;
	d->insn->memory_is_destination =
		form == INSN_FORM_RM_REG || form == INSN_FORM_RM_IMM || form == INSN_FORM_MOFFS_A;
}

static int set_operands(struct decoder *d)
{
	switch ((enum insn_form)d->opcode.form) {
	case INSN_FORM_NONE:
		break;
	case INSN_FORM_RM_REG:
	case INSN_FORM_REG_RM:
	case INSN_FORM_RM_IMM:
	case INSN_FORM_MOFFS_A:
	case INSN_FORM_A_MOFFS:
		set_memory_form(d);
		break;
	case INSN_FORM_RM:
		d->insn->reg = (uint8_t)(d->rm | ((d->rex & REX_B) != 0 ? 8 : 0));
		d->insn->memory_is_destination = d->opcode.op == INSN_SMSW;
		break;
	case INSN_FORM_CONTROL:
		return set_control(d);
	case INSN_FORM_LOAD:
	case INSN_FORM_STORE:
	case INSN_FORM_COPY:
		set_string(d);
		break;
	case INSN_FORM_PORT_IMM:
		d->insn->source = INSN_IMM;
		d->insn->immediate &= 0xff;
		break;
	case INSN_FORM_PORT_DX:
		d->insn->reg = RDX;
		break;
	case INSN_FORM_VECTOR:
		set_vector(d);
		break;
	}
	return 0;
}

/* One-byte opcodes that mean something else with a prefix or in another mode: NOP and PAUSE, MOVSXD
 * and ARPL. */
static void refine_opcode(struct decoder *d)
{
	if (d->map != MAP_ONE_BYTE) {
		return;
	}
	if (d->byte == 0x90 && d->insn->rep && (d->rex & REX_B) == 0) {
		d->opcode.op = INSN_PAUSE;
	}
	if (d->byte == 0x63 && d->mode != INSN_MODE_64) {
		d->opcode.op = INSN_OTHER;
	}
}

static int decode(struct decoder *d)
{
	decode_prefixes(d);
	if (is_vector_escape(d)) {
		return -E_NOTSUP;
	}
	find_opcode(d);
	refine_opcode(d);
	if ((d->opcode.encoding & INSN_VALID) == 0 ||
	    ((d->opcode.encoding & INSN_NOT64) != 0 && d->mode == INSN_MODE_64)) {
		return -E_INVAL;
	}
	d->insn->address_size = address_size(d);
	if ((d->opcode.encoding & INSN_MODRM) != 0) {
		decode_modrm(d);
		if ((d->opcode.encoding & INSN_VALID) == 0) {
			return -E_INVAL;
		}
		if (d->mod != 3) {
			decode_memory(d);
		}
	}
	decode_immediates(d);
	set_sizes(d);
	d->insn->op = (enum insn_op)d->opcode.op;
	return set_operands(d);
}

int insn_decode(struct insn *insn, enum insn_mode mode, const uint8_t *bytes, size_t size)
{
	struct decoder d = {
		.insn = insn,
		.bytes = bytes,
		.size = size < INSN_LENGTH_MAX ? size : INSN_LENGTH_MAX,
		.mode = mode,
		.override = SEGMENT_NONE,
	};
	int error;

	*insn = (struct insn){ .base = -1, .index = -1, .scale = 1, .segment = DS };
	error = decode(&d);
	if (d.is_short) {
		return size < INSN_LENGTH_MAX ? -E_RANGE : -E_INVAL;
	}
	insn->length = (uint8_t)d.at;
	return error;
}
