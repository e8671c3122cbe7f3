/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What becomes of a machine check on this CPU. Its bank and MCIP are cleared as soon as it is
 * recorded: a second one meanwhile would shut the CPU down without a word. APM2 9.3.3.
 */
#include "arch/mce.h"

#include "arch/idt.h"
#include "arch/lapic.h"
#include "arch/msr.h"
#include "arch/vmce.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/log.h"
#include "core/panic.h"
#include "core/symbols.h"
#include "core/vcpu.h"
#include "core/vm.h"

#define ONE_EDX_MCA   BIT(14) /* CPUID 1, EDX */
#define CPUID_RAS     0x80000007
#define MCG_CAP_COUNT BITS(7, 0)
#define MCG_CAP_CTL   BIT(8)
#define BANKS_MAX     32 /* in the range of MSRs that is not AMD's own */
#define WHERE_SIZE    96

#define BANK_CTL(n)     (MSR_MC0_CTL + 4 * (n))
#define BANK_STATUS(n)  (BANK_CTL(n) + 1)
#define BANK_ADDRESS(n) (BANK_CTL(n) + 2)
#define BANK_MISC(n)    (BANK_CTL(n) + 3)

static uint32_t banks; /* const after boot */

void mce_cpu_init(void)
{
	uint64_t capabilities;

	if ((cpuid(1, 0).edx & ONE_EDX_MCA) == 0 || rdmsr_safe(MSR_MCG_CAP, &capabilities) != 0) {
		return;
	}
	banks = (uint32_t)min_u64(field_get(MCG_CAP_COUNT, capabilities), BANKS_MAX);
	if ((capabilities & MCG_CAP_CTL) != 0) {
		wrmsr(MSR_MCG_CTL, UINT64_MAX);
	}
	for (uint32_t i = 0; i < banks; i++) {
		if (wrmsr_safe(BANK_CTL(i), UINT64_MAX) != 0) {
			banks = i;
		}
	}
}

bool mce_is_fatal(const struct mce_record *record, bool in_guest, uint32_t ras)
{
	bool is_uncorrected = (record->status & MC_STATUS_UC) != 0;
	bool is_deferred = (record->status & MC_STATUS_DEFERRED) != 0;

	if ((record->status & MC_STATUS_PCC) != 0) {
		return true;
	}
	if (is_uncorrected && (record->status & MC_STATUS_OVER) != 0 &&
	    (ras & MCE_RAS_OVERFLOW) == 0) {
		return true;
	}
	if (in_guest) {
		return false; /* the rest is the guest's to decide */
	}
	return (record->mcg_status & MCG_STATUS_RIPV) == 0 ||
	       (is_uncorrected && (record->mcg_status & MCG_STATUS_EIPV) != 0) ||
	       (is_uncorrected && !is_deferred && (ras & MCE_RAS_CONTAINS) == 0);
}

/* ---- the machine's registers ---- */

static unsigned rank(uint64_t status)
{
	return (status & MC_STATUS_VALID) == 0 ? 0
	       : (status & MC_STATUS_PCC) != 0 ? 3
	       : (status & MC_STATUS_UC) != 0  ? 2
					       : 1;
}

uint64_t mce_status(void)
{
	return rdmsr(MSR_MCG_STATUS);
}

void mce_clear_status(void)
{
	wrmsr(MSR_MCG_STATUS, 0);
}

uint32_t mce_bank_count(void)
{
	return banks;
}

void mce_read_bank(uint32_t bank, struct mce_record *record)
{
	uint64_t status = rdmsr(BANK_STATUS(bank));

	record->bank = bank;
	record->status = status;
	record->address = (status & MC_STATUS_ADDRV) != 0 ? rdmsr(BANK_ADDRESS(bank)) : 0;
	record->misc = (status & MC_STATUS_MISCV) != 0 ? rdmsr(BANK_MISC(bank)) : 0;
}

void mce_clear_bank(uint32_t bank)
{
	wrmsr(BANK_STATUS(bank), 0);
}

static struct mce_record capture(void)
{
	struct mce_record record = { .mcg_status = mce_status() };

	for (uint32_t i = 0; i < banks; i++) {
		if (rank(rdmsr(BANK_STATUS(i))) > rank(record.status)) {
			mce_read_bank(i, &record);
		}
	}
	return record;
}

static void release(const struct mce_record *record)
{
	if (record->status != 0) {
		mce_clear_bank(record->bank);
	}
	mce_clear_status();
}

void mce_print_banks(void)
{
	for (uint32_t i = 0; i < banks; i++) {
		struct mce_record record;

		mce_read_bank(i, &record);
		if ((record.status & MC_STATUS_VALID) != 0) {
			log(LOG_ERROR, "machine-check bank %u: status %lx address %lx misc %lx", i,
			    record.status, record.address, record.misc);
		}
	}
}

static noreturn void end(const struct mce_record *record, const char *where)
{
	panic("#MC machine check %s: bank %u status %#lx address %#lx, MCG_STATUS %#lx", where,
	      record->bank, record->status, record->address, record->mcg_status);
}

/* ---- in the hypervisor ---- */

static noreturn void end_here(const struct mce_record *record, const struct trap_frame *frame)
{
	char where[WHERE_SIZE];
	uint64_t offset = frame->rip;
	const char *symbol = symbol_find(frame->rip, &offset);

	trap_frame_set(frame);
	log_format(where, sizeof(where), "in %s+%#lx", symbol == NULL ? "(no function)" : symbol,
		   offset);
	end(record, where);
}

void mce_handle(const struct trap_frame *frame)
{
	struct cpu *self = arch_cpu_self();
	struct mce_record record = capture();

	if (mce_is_fatal(&record, false, cpuid(CPUID_RAS, 0).ebx)) {
		end_here(&record, frame);
	}
	if (self->arch.mce_is_due) { /* its bank stays, for the guest to find */
		mce_clear_status();
		return;
	}
	release(&record);
	self->arch.mce = record;
	self->arch.mce_is_due = true;
	if (self->arch.lapic_is_ready) {
		lapic_kick_self();
	}
}

/* ---- to a guest ---- */

static void give(struct vcpu *vcpu, const struct mce_record *record)
{
	log(LOG_WARN, "machine check: bank %u status %#lx address %#lx, MCG_STATUS %#lx",
	    record->bank, record->status, record->address, record->mcg_status);
	if (vcpu != NULL) {
		vmce_give(vcpu, record);
	}
}

static struct vcpu *taker(uint32_t cpu)
{
	struct vcpu *first = NULL;

	for (uint32_t i = 0; vm_control != NULL && i < vm_control->vcpu_count; i++) {
		struct vcpu *vcpu = vm_control->vcpus[i];
		uint32_t home = vcpu == NULL ? UINT32_MAX : atomic_load(&vcpu->home);

		if (home == cpu) {
			return vcpu;
		}
		first = first == NULL && home != UINT32_MAX ? vcpu : first;
	}
	return first;
}

/* Before it is no longer due, the record has been taken: the next one may come right then. */
void mce_forward(struct cpu *cpu)
{
	if (cpu->arch.mce_is_due) {
		struct mce_record record = cpu->arch.mce;

		atomic_store(&cpu->arch.mce_is_due, false);
		give(taker(cpu->index), &record);
	}
}

void mce_exit(struct vcpu *vcpu)
{
	struct mce_record record = capture();
	char where[WHERE_SIZE];

	if (mce_is_fatal(&record, true, cpuid(CPUID_RAS, 0).ebx)) {
		log_format(where, sizeof(where), "while vCPU %u ran", vcpu->index);
		end(&record, where);
	}
	release(&record);
	give(vcpu, &record);
}
