/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest's view of machine checks. What the machine does about them is mce.c's. */
#include "arch/vmce.h"

#include "arch/mce.h"
#include "arch/msr.h"
#include "arch/vcpu_image.h"
#include "arch/vcpu_regs.h"
#include "core/sched.h"
#include "core/vm.h"

/* Valid and CntP: the counters of AMD's banks, with their interrupts, are not the guest's. */
#define MISC_COUNTER BITS(63, 62)

static bool is_shown(const struct vcpu *vcpu)
{
	return (vcpu->arch.mce.status | vcpu->arch.mce.mcg_status) != 0;
}

static uint32_t bank_count(const struct vcpu *vcpu)
{
	return vcpu->vm->is_control ? mce_bank_count() : 0;
}

void vmce_give(struct vcpu *vcpu, const struct mce_record *record)
{
	if (!atomic_swap(&vcpu->arch.mce_is_posted, true)) {
		vcpu->arch.mce_posted = *record;
		atomic_or(&vcpu->arch.requests, REQUEST_MCE);
		sched_notify(vcpu);
	}
}

/* A bank that says nothing, or that it does not have, is left out. With CR4.MCE clear a processor
 * shuts down: APM2 8.2.19 "#MC". Only what the guest can not go on after is worth that. */
static void show(struct vcpu *vcpu, const struct mce_record *record)
{
	bool has_bank = bank_count(vcpu) != 0 && (record->status & MC_STATUS_VALID) != 0;

	vcpu->arch.mce = has_bank ? *record : (struct mce_record){ 0 };
	vcpu->arch.mce.mcg_status = record->mcg_status & MCG_STATUS_ALL;
	if ((vcpu_regs(vcpu, STATE_SREGS)->sregs.cr4 & CR4_MCE) != 0) {
		vcpu_events_raise(vcpu, VECTOR_MC, false, 0);
		return;
	}
	vcpu->arch.events.triple_fault |= (record->mcg_status & MCG_STATUS_RIPV) == 0;
	vcpu->arch.mce.mcg_status = 0;
}

void vmce_take(struct vcpu *vcpu)
{
	struct mce_record record = vcpu->arch.mce_posted;

	atomic_store(&vcpu->arch.mce_is_posted, false);
	if (!is_shown(vcpu)) {
		show(vcpu, &record);
	}
}

/* The record of that bank, its own or the machine's. */
static void bank_get(const struct vcpu *vcpu, uint32_t bank, struct mce_record *record)
{
	*record = vcpu->arch.mce;
	if (record->bank != bank || record->status == 0) {
		mce_read_bank(bank, record);
	}
}

static bool bank_read(const struct vcpu *vcpu, uint32_t number, uint64_t *value)
{
	struct mce_record record;

	if (number / 4 >= bank_count(vcpu)) {
		return false;
	}
	bank_get(vcpu, number / 4, &record);
	switch (number % 4) {
	case 0:
		*value = UINT64_MAX; /* all is reported: mce_cpu_init() */
		break;
	case 1:
		*value = record.status;
		break;
	case 2:
		*value = record.address;
		break;
	default:
		*value = record.misc & ~MISC_COUNTER;
		break;
	}
	return true;
}

bool vmce_read(struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
	switch (msr) {
	case MSR_MCG_CAP:
		*value = bank_count(vcpu);
		return true;
	case MSR_MCG_STATUS:
		*value = is_shown(vcpu)          ? vcpu->arch.mce.mcg_status
			 : bank_count(vcpu) != 0 ? mce_status()
						 : 0;
		return true;
	default:
		return bank_read(vcpu, msr - MSR_MC0_CTL, value);
	}
}

/* Other values than 0 are #GP, or of no effect: APM2 9.3.3.2 "MCi_STATUS", 9.3.3.3, 9.3.3.4. */
static bool bank_write(struct vcpu *vcpu, uint32_t number, uint64_t value)
{
	struct mce_record *record = &vcpu->arch.mce;

	if (number / 4 >= bank_count(vcpu) || (number % 4 == 1 && value != 0)) {
		return false;
	}
	if (number % 4 != 1) {
		return true;
	}
	if (record->bank == number / 4 && record->status != 0) {
		record->status = record->address = record->misc = record->bank = 0;
	} else {
		mce_clear_bank(number / 4);
	}
	return true;
}

/* Where it is shown the machine's own is 0 already. */
static void mcg_status_write(struct vcpu *vcpu, uint64_t value)
{
	if (value != 0) {
		return;
	}
	if (is_shown(vcpu)) {
		vcpu->arch.mce.mcg_status = 0;
	} else if (bank_count(vcpu) != 0) {
		mce_clear_status();
	}
}

bool vmce_write(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	if (msr == MSR_MCG_CAP) {
		return false;
	}
	if (msr == MSR_MCG_STATUS) {
		mcg_status_write(vcpu, value);
		return true;
	}
	return bank_write(vcpu, msr - MSR_MC0_CTL, value);
}

/* ---- to an image and back ---- */

void vmce_image_get(struct vcpu_image_mce *to, const struct vcpu *vcpu)
{
	const struct mce_record *from = &vcpu->arch.mce;

	*to = (struct vcpu_image_mce){
		.mcg_status = from->mcg_status,
		.status = from->status,
		.address = from->address,
		.misc = from->misc,
		.bank = from->bank,
	};
}

void vmce_image_set(struct vcpu *vcpu, const struct vcpu_image_mce *from)
{
	vcpu->arch.mce = (struct mce_record){
		.mcg_status = from->mcg_status,
		.status = from->status,
		.address = from->address,
		.misc = from->misc,
		.bank = (uint32_t)from->bank,
	};
}

/* As mce_read_bank() leaves a bank, and show() what this guest has no registers for. */
bool vmce_image_is_valid(const struct vcpu *vcpu, const struct vcpu_image_mce *image)
{
	if ((image->mcg_status & ~MCG_STATUS_ALL) != 0) {
		return false;
	}
	if (image->status == 0) {
		return (image->address | image->misc | image->bank) == 0;
	}
	return image->bank < bank_count(vcpu) && (image->status & MC_STATUS_VALID) != 0 &&
	       ((image->status & MC_STATUS_ADDRV) != 0 || image->address == 0) &&
	       ((image->status & MC_STATUS_MISCV) != 0 || image->misc == 0);
}
