/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Accesses of memory that stage-2 does not give: the instruction is decoded, its device asked, its
 * register or memory completed. What lies nowhere reads all ones.
 */
#include "arch/guest_walk.h"
#include "arch/insn.h"
#include "arch/operand.h"
#include "arch/vcpu_regs.h"
#include "arch/x86_exit.h"
#include "core/arch.h"
#include "core/err.h"
#include "core/vm.h"

/* Of a REP in one exit: each costs up to 8,000 instructions, and nothing interrupts them. */
#define ELEMENTS_MAX 2

struct mmio {
	struct vcpu *vcpu;
	const struct insn *insn;
	gpa_t fault;         /* where stage-2 faulted */
	bool fault_is_write; /* the guest's own tables let it write there */
};

/*
 * The operand's access. Most lie on one page, the one of the fault: then its physical address is
 * known, and the rights that the processor has checked. Others are walked: another vCPU may have
 * changed the instruction meanwhile.
 */
static int memory(const struct mmio *mmio, bool is_write, uint64_t *value)
{
	const struct insn *insn = mmio->insn;
	unsigned size = insn->operand_size;
	uint64_t linear, offset = mmio->fault.value & ~PAGE_MASK;
	int err = operand_linear(mmio->vcpu, insn, is_write ? GUEST_WRITE : GUEST_READ, &linear);

	if (err != 0) {
		return err;
	}
	if ((linear & ~PAGE_MASK) == offset && offset + size <= PAGE_SIZE &&
	    (mmio->fault_is_write || !is_write)) {
		return operand_physical(mmio->vcpu, mmio->fault, size, is_write, value);
	}
	return is_write ? operand_linear_write(mmio->vcpu, linear, size, *value)
			: operand_linear_read(mmio->vcpu, linear, size, value);
}

/* ---- registers ---- */

static uint64_t source(const struct mmio *mmio)
{
	const struct insn *insn = mmio->insn;
	uint64_t value;

	if (insn->source == INSN_IMM) {
		return insn->immediate & vcpu_regs_mask(insn->operand_size);
	}
	value = mmio->vcpu->arch.state->gpr[insn->reg];
	if (insn->reg_is_high_byte) {
		value >>= 8;
	}
	return value & vcpu_regs_mask(insn->operand_size);
}

static void result(const struct mmio *mmio, unsigned size, uint64_t value)
{
	const struct insn *insn = mmio->insn;
	uint64_t *gpr = &mmio->vcpu->arch.state->gpr[insn->reg];

	if (insn->reg_is_high_byte) {
		*gpr = (*gpr & ~UINT64_C(0xff00)) | (value & 0xff) << 8;
	} else {
		vcpu_regs_write(mmio->vcpu, insn->reg, size, value);
	}
}

static uint64_t sign_extend(uint64_t value, unsigned size)
{
	unsigned shift = 64 - size * 8;

	return (uint64_t)((int64_t)(value << shift) >> shift);
}

/* ---- forms ---- */

static int load(const struct mmio *mmio)
{
	const struct insn *insn = mmio->insn;
	uint64_t value = 0;
	int err = memory(mmio, false, &value);

	if (err != 0) {
		return err;
	}
	if (insn->op == INSN_MOVSX) {
		value = sign_extend(value, insn->operand_size);
	}
	result(mmio, insn->op == INSN_MOV_LOAD ? insn->operand_size : insn->result_size, value);
	return 0;
}

static int store(const struct mmio *mmio)
{
	uint64_t value = source(mmio);

	return memory(mmio, true, &value);
}

static bool writes_back(enum insn_op op)
{
	return op != INSN_CMP && op != INSN_TEST && op != INSN_BT;
}

/* Not atomic against other vCPUs even with LOCK: devices are not. */
static int alu(const struct mmio *mmio)
{
	const struct insn *insn = mmio->insn;
	struct vcpu_state *state = mmio->vcpu->arch.state;
	uint64_t operands[2], answer, rflags = state->rflags, value = 0;
	int err = memory(mmio, false, &value);

	if (err != 0) {
		return err;
	}
	operands[0] = insn->memory_is_destination ? value : source(mmio);
	operands[1] = insn->memory_is_destination ? source(mmio) : value;
	answer = insn_alu(insn->op, insn->operand_size, operands, &rflags);
	if (writes_back(insn->op) && insn->memory_is_destination) {
		err = memory(mmio, true, &answer);
	} else if (writes_back(insn->op)) {
		result(mmio, insn->operand_size, answer);
	}
	if (err == 0) {
		state->rflags = rflags;
	}
	return err;
}

static int exchange(const struct mmio *mmio)
{
	uint64_t value = 0, new_value = source(mmio);
	int err = memory(mmio, false, &value);

	if (err == 0) {
		err = memory(mmio, true, &new_value);
	}
	if (err == 0) {
		result(mmio, mmio->insn->operand_size, value);
	}
	return err;
}

/* ---- string forms ---- */

static void step(const struct mmio *mmio, unsigned reg)
{
	const struct insn *insn = mmio->insn;
	struct vcpu_state *state = mmio->vcpu->arch.state;
	uint64_t by = insn->operand_size;

	if ((state->rflags & RFLAGS_DF) != 0) {
		by = 0 - by;
	}
	vcpu_regs_write(mmio->vcpu, reg, insn->address_size, state->gpr[reg] + by);
}

/* MOVS's destination, always ES:rDI. */
static int copy_store(const struct mmio *mmio, uint64_t value)
{
	const struct insn *insn = mmio->insn;
	struct guest_operand to = {
		.segment = SEGMENT_ES,
		.offset = mmio->vcpu->arch.state->gpr[GPR_RDI] & vcpu_regs_mask(insn->address_size),
		.size = insn->operand_size,
		.access = GUEST_WRITE,
	};
	uint64_t linear;
	int err = guest_linear(mmio->vcpu, &to, &linear);

	return err != 0 ? err : operand_linear_write(mmio->vcpu, linear, insn->operand_size, value);
}

/* The fault may have been the source's or the destination's: both are walked. */
static int copy(const struct mmio *mmio)
{
	uint64_t value;
	int err = operand_read(mmio->vcpu, mmio->insn, mmio->insn->operand_size, &value);

	if (err == 0) {
		err = copy_store(mmio, value);
	}
	if (err == 0) {
		step(mmio, GPR_RSI);
		step(mmio, GPR_RDI);
	}
	return err;
}

static int element(const struct mmio *mmio)
{
	const struct insn *insn = mmio->insn;
	struct vcpu *vcpu = mmio->vcpu;
	uint64_t linear, value = vcpu->arch.state->gpr[GPR_RAX];
	int err;

	if (insn->op == INSN_MOVS) {
		return copy(mmio);
	}
	err = operand_linear(vcpu, insn, insn->op == INSN_STOS ? GUEST_WRITE : GUEST_READ, &linear);
	if (err != 0) {
		return err;
	}
	if (insn->op == INSN_STOS) {
		err = operand_linear_write(vcpu, linear, insn->operand_size,
					   value & vcpu_regs_mask(insn->operand_size));
	} else {
		err = operand_linear_read(vcpu, linear, insn->operand_size, &value);
	}
	if (err == 0 && insn->op == INSN_LODS) {
		vcpu_regs_write(vcpu, GPR_RAX, insn->operand_size, value);
	}
	if (err == 0) {
		step(mmio, insn->op == INSN_STOS ? GPR_RDI : GPR_RSI);
	}
	return err;
}

/* Repeats until RCX is 0 or enough was done for one exit; -E_RESTART: the guest comes again. */
static int string(const struct mmio *mmio)
{
	const struct insn *insn = mmio->insn;
	struct vcpu *vcpu = mmio->vcpu;
	uint64_t *rcx = &vcpu->arch.state->gpr[GPR_RCX];

	if (!insn->rep && !insn->repne) {
		return element(mmio);
	}
	for (unsigned i = 0; i < ELEMENTS_MAX; i++) {
		int err;

		if ((*rcx & vcpu_regs_mask(insn->address_size)) == 0) {
			return 0;
		}
		err = element(mmio);
		if (err != 0) {
			return err;
		}
		vcpu_regs_write(vcpu, GPR_RCX, insn->address_size, *rcx - 1);
	}
	return -E_RESTART;
}

static int emulate(const struct mmio *mmio)
{
	switch ((unsigned)mmio->insn->op) {
	case INSN_MOV_LOAD:
	case INSN_MOVZX:
	case INSN_MOVSX:
		return load(mmio);
	case INSN_MOV_STORE:
		return store(mmio);
	case INSN_AND:
	case INSN_OR:
	case INSN_XOR:
	case INSN_ADD:
	case INSN_SUB:
	case INSN_CMP:
	case INSN_TEST:
	case INSN_BT:
	case INSN_BTS:
	case INSN_BTR:
		return alu(mmio);
	case INSN_XCHG:
		return exchange(mmio);
	case INSN_MOVS:
	case INSN_STOS:
	case INSN_LODS:
		return string(mmio);
	default:
		return -E_NOTSUP;
	}
}

/* What no instruction's operand explains; false: the guest was stopped. */
static bool is_operand(struct vcpu *vcpu, const struct exit_stage2 *stage2)
{
	const char *what = NULL;

	if (stage2->is_walk) {
		what = "its page tables";
	} else if (stage2->is_delivery) {
		what = "the stack or tables of an event's delivery";
	}
	if (what == NULL) {
		return true;
	}
	vm_stop(vcpu->vm, VM_STOP_ERROR, "vCPU %u: %s are at %#llx, where there is no memory",
		vcpu->index, what, (unsigned long long)stage2->address.value);
	return false;
}

static bool finish(struct vcpu *vcpu, const struct insn *insn, int err)
{
	if (err == -E_NOTSUP && !x86_exit_refuse_user(vcpu)) {
		vm_stop(vcpu->vm, VM_STOP_ERROR,
			"vCPU %u: instruction at %#llx on a device's memory is not emulated",
			vcpu->index, (unsigned long long)vcpu->arch.state->rip);
	}
	if (err == 0) {
		vcpu->arch.insn_size = insn->length;
		arch_vcpu_skip_insn(vcpu);
	}
	return err != -E_NODEV && x86_exit_resume(vcpu);
}

/*
 * A store of a word to the local APIC's page: what guests do most of all. In 64-bit mode, where the
 * operand's offset is the fault's, nothing is left to be checked.
 */
static bool is_apic_store(const struct mmio *mmio)
{
	const struct insn *insn = mmio->insn;
	uint64_t fault = mmio->fault.value;

	return (fault & PAGE_MASK) == VLAPIC_BASE_DEFAULT && mmio->fault_is_write &&
	       insn->op == INSN_MOV_STORE && insn->operand_size == 4 &&
	       insn->segment < SEGMENT_FS && is_aligned(fault, 4) &&
	       ((operand_offset(mmio->vcpu, insn) ^ fault) & ~PAGE_MASK) == 0;
}

static int apic_store(const struct mmio *mmio)
{
	struct access access = { .vcpu = mmio->vcpu,
				 .address = mmio->fault.value,
				 .offset = mmio->fault.value & ~PAGE_MASK,
				 .size = 4,
				 .is_write = true,
				 .value = source(mmio) };

	return vlapic_region(NULL, &access) == REGION_STOP ? -E_NODEV : 0;
}

/* Of an instruction that was decoded before. */
static bool handle_known(struct mmio *mmio, const struct insn *insn)
{
	mmio->insn = insn;
	return finish(mmio->vcpu, insn, is_apic_store(mmio) ? apic_store(mmio) : emulate(mmio));
}

bool exit_mmio(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	struct mmio mmio = { .vcpu = vcpu,
			     .fault = exit->stage2.address,
			     .fault_is_write = exit->stage2.is_write };
	const struct insn *known;
	struct insn insn;

	if (!is_operand(vcpu, &exit->stage2)) {
		return false;
	}
	if (exit->stage2.is_fetch) {
		/* All ones are no instruction. */
		vcpu_events_raise_ud(vcpu);
		return true;
	}
	known = insn_fetch_find(vcpu);
	if (known != NULL) {
		return handle_known(&mmio, known);
	}
	if (x86_exit_fetch(vcpu, &insn) != 0) {
		return x86_exit_resume(vcpu);
	}
	insn_fetch_store(vcpu, &insn);
	mmio.insn = &insn;
	return finish(vcpu, &insn, emulate(&mmio));
}
