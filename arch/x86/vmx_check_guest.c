/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why a processor did not enter a guest: the rules of SDM3 27.3.1 "Checks on the Guest State Area",
 * one row each, and those of 27.2.1.3 "VM-Entry Control Fields" about the event. Looked at only
 * after a failed entry. With unrestricted guests.
 */
#include "arch/vmx.h"

#include "arch/msr.h"
#include "arch/vcpu_events.h"
#include "arch/vcpu_state.h"
#include "arch/vmcs.h"

#define TYPE_BUSY_TSS_16 3
#define TYPE_BUSY_TSS    11
#define TYPE_LDT         2
#define TYPE_REAL_CODE   3 /* writable: of unrestricted guests */
#define TYPE_ACCESSED    BIT(0)
#define TYPE_READABLE    BIT(1)
#define TYPE_CONFORMING  BIT(2)
#define TYPE_CODE        BIT(3)
#define LIMIT_4K         0xfff

static bool is_usable(unsigned segment)
{
	return (vmcs_read(VMCS_GUEST_ES_RIGHTS + 2 * segment) & VMCS_RIGHTS_UNUSABLE) == 0;
}

static uint64_t rights(unsigned segment)
{
	return vmcs_read(VMCS_GUEST_ES_RIGHTS + 2 * segment);
}

static bool is_virtual_8086(void)
{
	return (vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_VM) != 0;
}

static bool is_long(void)
{
	return (vmcs_read(VMCS_ENTRY_CONTROLS) & ENTRY_LONG_MODE) != 0;
}

static bool is_canonical(uint64_t address)
{
	return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

/* ---- the rules: true where one is broken ---- */

static bool cr0_fixed(void)
{
	uint64_t cr0 = vmcs_read(VMCS_GUEST_CR0);
	uint64_t musts = vmx_facts.cr0_fixed0 & ~(CR0_PE | CR0_PG);

	return (cr0 & musts) != musts || (cr0 & ~vmx_facts.cr0_fixed1) != 0;
}

static bool cr0_paging(void)
{
	uint64_t cr0 = vmcs_read(VMCS_GUEST_CR0);

	return (cr0 & CR0_PG) != 0 && (cr0 & CR0_PE) == 0;
}

static bool cr4_fixed(void)
{
	uint64_t cr4 = vmcs_read(VMCS_GUEST_CR4);

	return (cr4 & vmx_facts.cr4_fixed0) != vmx_facts.cr4_fixed0 ||
	       (cr4 & ~vmx_facts.cr4_fixed1) != 0;
}

static bool long_mode(void)
{
	uint64_t needed = CR0_PG | CR0_PE;

	return is_long() && ((vmcs_read(VMCS_GUEST_CR0) & needed) != needed ||
			     (vmcs_read(VMCS_GUEST_CR4) & CR4_PAE) == 0);
}

static bool pcid_mode(void)
{
	return !is_long() && (vmcs_read(VMCS_GUEST_CR4) & CR4_PCIDE) != 0;
}

static bool efer_mode(void)
{
	uint64_t efer = vmcs_read(VMCS_GUEST_EFER);
	bool lma = (efer & EFER_LMA) != 0, lme = (efer & EFER_LME) != 0;

	return lma != is_long() || ((vmcs_read(VMCS_GUEST_CR0) & CR0_PG) != 0 && lma != lme);
}

static bool efer_reserved(void)
{
	return (vmcs_read(VMCS_GUEST_EFER) & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)) != 0;
}

static bool dr7_high(void)
{
	return vmcs_read(VMCS_GUEST_DR7) >> 32 != 0;
}

static bool sysenter(void)
{
	return !is_canonical(vmcs_read(VMCS_GUEST_SYSENTER_ESP)) ||
	       !is_canonical(vmcs_read(VMCS_GUEST_SYSENTER_EIP));
}

static bool tr(void)
{
	uint64_t type = field_get(SEGMENT_TYPE, rights(SEGMENT_TR));

	return !is_usable(SEGMENT_TR) ||
	       (type != TYPE_BUSY_TSS && (is_long() || type != TYPE_BUSY_TSS_16)) ||
	       (rights(SEGMENT_TR) & (SEGMENT_S | SEGMENT_PRESENT)) != SEGMENT_PRESENT;
}

static bool ldtr(void)
{
	return is_usable(SEGMENT_LDTR) &&
	       (field_get(SEGMENT_TYPE, rights(SEGMENT_LDTR)) != TYPE_LDT ||
		(rights(SEGMENT_LDTR) & SEGMENT_S) != 0);
}

static bool code_type(void)
{
	uint64_t type = field_get(SEGMENT_TYPE, rights(SEGMENT_CS));

	return !is_virtual_8086() && type != 3 && type != 9 && type != 11 && type != 13 &&
	       type != 15;
}

static bool code_present(void)
{
	return (rights(SEGMENT_CS) & (SEGMENT_S | SEGMENT_PRESENT)) !=
	       (SEGMENT_S | SEGMENT_PRESENT);
}

static bool code_mode(void)
{
	uint64_t attributes = rights(SEGMENT_CS) >> 4;

	return is_long() && (attributes & SEGMENT_L) != 0 && (attributes & SEGMENT_DB) != 0;
}

static bool stack_type(void)
{
	uint64_t type = field_get(SEGMENT_TYPE, rights(SEGMENT_SS));

	return is_usable(SEGMENT_SS) && !is_virtual_8086() && type != 3 && type != 7;
}

static uint64_t level(unsigned segment)
{
	return field_get(SEGMENT_DPL, rights(segment));
}

static bool stack_level(void)
{
	bool is_real = (vmcs_read(VMCS_GUEST_CR0) & CR0_PE) == 0;

	return !is_virtual_8086() && level(SEGMENT_SS) != 0 &&
	       (is_real || field_get(SEGMENT_TYPE, rights(SEGMENT_CS)) == TYPE_REAL_CODE);
}

/* The CPL is that of SS; conforming code may be of a lower one. */
static bool code_level(void)
{
	uint64_t type = field_get(SEGMENT_TYPE, rights(SEGMENT_CS));

	if (is_virtual_8086()) {
		return false;
	}
	if (type == TYPE_REAL_CODE) {
		return level(SEGMENT_CS) != 0;
	}
	return (type & TYPE_CONFORMING) != 0 ? level(SEGMENT_CS) > level(SEGMENT_SS)
					     : level(SEGMENT_CS) != level(SEGMENT_SS);
}

/* Accessed, and readable where it is code. */
static bool data_type(void)
{
	for (unsigned i = SEGMENT_ES; i <= SEGMENT_GS && !is_virtual_8086(); i++) {
		uint64_t type = field_get(SEGMENT_TYPE, rights(i));
		bool is_data = i != SEGMENT_CS && i != SEGMENT_SS && is_usable(i);

		if (is_data && ((type & TYPE_ACCESSED) == 0 ||
				(type & (TYPE_CODE | TYPE_READABLE)) == TYPE_CODE)) {
			return true;
		}
	}
	return false;
}

/* CS and TR have rules of their own. */
static bool present(void)
{
	for (unsigned i = SEGMENT_ES; i <= SEGMENT_LDTR; i++) {
		uint64_t needed = i == SEGMENT_LDTR ? SEGMENT_PRESENT : SEGMENT_PRESENT | SEGMENT_S;

		if (i != SEGMENT_CS && is_usable(i) && (rights(i) & needed) != needed) {
			return true;
		}
	}
	return false;
}

static bool rights_reserved(void)
{
	for (unsigned i = SEGMENT_ES; i <= SEGMENT_TR; i++) {
		if (is_usable(i) && (rights(i) & ~(VMCS_RIGHTS_LOW | VMCS_RIGHTS_HIGH)) != 0) {
			return true;
		}
	}
	return false;
}

static bool virtual_8086(void)
{
	for (unsigned i = SEGMENT_ES; i <= SEGMENT_GS && is_virtual_8086(); i++) {
		if (rights(i) != 0xf3 || vmcs_read(VMCS_GUEST_ES_LIMIT + 2 * i) != UINT16_MAX ||
		    vmcs_read(VMCS_GUEST_ES_BASE + 2 * i) != vmcs_read(VMCS_GUEST_ES + 2 * i)
								     << 4) {
			return true;
		}
	}
	return false;
}

static bool granularity(void)
{
	for (unsigned i = SEGMENT_ES; i <= SEGMENT_TR; i++) {
		uint64_t limit = vmcs_read(VMCS_GUEST_ES_LIMIT + 2 * i);
		bool is_large = (rights(i) >> 4 & SEGMENT_G) != 0;

		if (is_usable(i) && ((is_large && (limit & LIMIT_4K) != LIMIT_4K) ||
				     (!is_large && limit >> 20 != 0))) {
			return true;
		}
	}
	return false;
}

/* Of 32 bits in all modes. */
static bool low_bases(void)
{
	for (unsigned i = SEGMENT_ES; i <= SEGMENT_DS; i++) {
		if ((i == SEGMENT_CS || is_usable(i)) &&
		    vmcs_read(VMCS_GUEST_ES_BASE + 2 * i) >> 32 != 0) {
			return true;
		}
	}
	return false;
}

static bool bases(void)
{
	return (is_usable(SEGMENT_LDTR) &&
		!is_canonical(vmcs_read(VMCS_GUEST_ES_BASE + 2 * SEGMENT_LDTR))) ||
	       !is_canonical(vmcs_read(VMCS_GUEST_ES_BASE + 2 * SEGMENT_FS)) ||
	       !is_canonical(vmcs_read(VMCS_GUEST_ES_BASE + 2 * SEGMENT_GS)) ||
	       !is_canonical(vmcs_read(VMCS_GUEST_ES_BASE + 2 * SEGMENT_TR)) ||
	       !is_canonical(vmcs_read(VMCS_GUEST_GDTR_BASE)) ||
	       !is_canonical(vmcs_read(VMCS_GUEST_IDTR_BASE));
}

static bool table_limits(void)
{
	return vmcs_read(VMCS_GUEST_GDTR_LIMIT) >> 16 != 0 ||
	       vmcs_read(VMCS_GUEST_IDTR_LIMIT) >> 16 != 0;
}

static bool rip(void)
{
	uint64_t at = vmcs_read(VMCS_GUEST_RIP);
	bool is_64_bit = is_long() && (rights(SEGMENT_CS) >> 4 & SEGMENT_L) != 0;

	/* Not canonical it may be: it is run behind an instruction that ends where that is. */
	return is_64_bit ? at >> 48 != 0 && at >> 48 != UINT16_MAX : at >> 32 != 0;
}

static bool rflags_reserved(void)
{
	uint64_t rflags = vmcs_read(VMCS_GUEST_RFLAGS);

	return (rflags & ~RFLAGS_ALL) != 0 || (rflags & RFLAGS_RES1) == 0;
}

static bool rflags_virtual(void)
{
	return is_virtual_8086() && (is_long() || (vmcs_read(VMCS_GUEST_CR0) & CR0_PE) == 0);
}

/* ---- the event ---- */

static bool event_is(uint64_t type)
{
	uint64_t event = vmcs_read(VMCS_ENTRY_EVENT);

	return (event & VMCS_EVENT_VALID) != 0 && field_get(VMCS_EVENT_TYPE, event) == type;
}

/* Type 7 is the pending monitor trap. */
static bool event_type(void)
{
	return event_is(1) || event_is(7);
}

static bool event_vector(void)
{
	uint64_t vector = field_get(VMCS_EVENT_VECTOR, vmcs_read(VMCS_ENTRY_EVENT));

	return (event_is(VMCS_EVENT_NMI) && vector != VECTOR_NMI) ||
	       (event_is(VMCS_EVENT_EXCEPTION) && vector >= 32);
}

/* Exactly those exceptions that push one, in protected mode. */
static bool event_error(void)
{
	const uint64_t pushing = BIT(VECTOR_DF) | BIT(VECTOR_TS) | BIT(VECTOR_NP) | BIT(VECTOR_SS) |
				 BIT(VECTOR_GP) | BIT(VECTOR_PF) | BIT(VECTOR_AC);
	uint64_t event = vmcs_read(VMCS_ENTRY_EVENT);
	uint64_t vector = field_get(VMCS_EVENT_VECTOR, event);
	bool pushes = event_is(VMCS_EVENT_EXCEPTION) && vector < 32 &&
		      (pushing & BIT(vector)) != 0 && (vmcs_read(VMCS_GUEST_CR0) & CR0_PE) != 0;

	return (event & VMCS_EVENT_VALID) != 0 && pushes != ((event & VMCS_EVENT_HAS_ERROR) != 0);
}

static bool event_error_wide(void)
{
	uint64_t event = vmcs_read(VMCS_ENTRY_EVENT);

	return (event & VMCS_EVENT_VALID) != 0 && (event & VMCS_EVENT_HAS_ERROR) != 0 &&
	       vmcs_read(VMCS_ENTRY_ERROR) >> 16 != 0;
}

static bool rflags_interrupt(void)
{
	return event_is(VMCS_EVENT_INTERRUPT) && (vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_IF) == 0;
}

static bool shadows(void)
{
	const uint64_t both = VMCS_BLOCKED_BY_STI | VMCS_BLOCKED_BY_MOV_SS;
	uint64_t blocked = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);

	return (blocked & both) == both || ((blocked & VMCS_BLOCKED_BY_STI) != 0 &&
					    (vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_IF) == 0);
}

static bool event_in_shadow(void)
{
	uint64_t blocked = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);

	return (event_is(VMCS_EVENT_INTERRUPT) &&
		(blocked & (VMCS_BLOCKED_BY_STI | VMCS_BLOCKED_BY_MOV_SS)) != 0) ||
	       (event_is(VMCS_EVENT_NMI) &&
		(blocked & (VMCS_BLOCKED_BY_MOV_SS | VMCS_BLOCKED_BY_NMI)) != 0);
}

static bool pending_reserved(void)
{
	const uint64_t known = PENDING_DEBUG_HITS | PENDING_DEBUG_ENABLED | PENDING_DEBUG_STEP |
			       VMCS_PENDING_DEBUG_BLD | VMCS_PENDING_DEBUG_RTM;

	return (vmcs_read(VMCS_GUEST_PENDING_DEBUG) & ~known) != 0;
}

static bool pending_step(void)
{
	const uint64_t shadow = VMCS_BLOCKED_BY_STI | VMCS_BLOCKED_BY_MOV_SS;
	bool steps = (vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_TF) != 0;
	bool pends = (vmcs_read(VMCS_GUEST_PENDING_DEBUG) & PENDING_DEBUG_STEP) != 0;

	return (vmcs_read(VMCS_GUEST_INTERRUPTIBILITY) & shadow) != 0 && steps != pends;
}

static bool link(void)
{
	return vmcs_read(VMCS_LINK) != UINT64_MAX;
}

static bool pdptes(void)
{
	bool is_pae = (vmcs_read(VMCS_GUEST_CR0) & CR0_PG) != 0 && !is_long() &&
		      (vmcs_read(VMCS_GUEST_CR4) & CR4_PAE) != 0;

	for (uint32_t i = 0; i < 4 && is_pae; i++) {
		uint64_t entry = vmcs_read(VMCS_GUEST_PDPTE + 2 * i);

		if ((entry & PDPTE_PRESENT) != 0 && (entry & PDPTE_RESERVED) != 0) {
			return true;
		}
	}
	return false;
}

static const struct {
	bool (*is_broken)(void);
	const char *rule;
} rules[] = {
	{ cr0_fixed, "CR0 has a bit that is fixed in VMX operation (27.3.1.1)" },
	{ cr0_paging, "CR0.PG is set and PE is not (27.3.1.1)" },
	{ cr4_fixed, "CR4 has a bit that is fixed in VMX operation (27.3.1.1)" },
	{ long_mode, "a 64-bit guest without paging or PAE (27.3.1.1)" },
	{ pcid_mode, "CR4.PCIDE outside of 64-bit mode (27.3.1.1)" },
	{ dr7_high, "DR7 has bits above 31 (27.3.1.1)" },
	{ sysenter, "a SYSENTER address is not canonical (27.3.1.1)" },
	{ efer_reserved, "EFER has a reserved bit (27.3.1.1)" },
	{ efer_mode, "EFER.LMA and LME do not fit the mode (27.3.1.1)" },
	{ tr, "TR is no busy TSS (27.3.1.2)" },
	{ ldtr, "LDTR is no LDT (27.3.1.2)" },
	{ virtual_8086, "a segment is not as virtual-8086 mode has them (27.3.1.2)" },
	{ code_type, "CS has not the type of code (27.3.1.2)" },
	{ code_present, "CS is a system segment or not present (27.3.1.2)" },
	{ code_mode, "CS has both L and D (27.3.1.2)" },
	{ stack_type, "SS is not writable data (27.3.1.2)" },
	{ stack_level, "SS has a DPL in real mode (27.3.1.2)" },
	{ code_level, "the DPLs of CS and SS do not fit (27.3.1.2)" },
	{ data_type, "a data segment is not accessed or not readable (27.3.1.2)" },
	{ present, "a usable segment is not present, or a system segment (27.3.1.2)" },
	{ rights_reserved, "a segment's rights have a reserved bit (27.3.1.2)" },
	{ granularity, "a segment's limit and granularity disagree (27.3.1.2)" },
	{ low_bases, "a base of CS, SS, DS or ES is wider than 32 bits (27.3.1.2)" },
	{ bases, "a base is not canonical (27.3.1.2, 27.3.1.3)" },
	{ table_limits, "GDTR's or IDTR's limit is wider than 16 bits (27.3.1.3)" },
	{ rip, "RIP is too wide (27.3.1.4)" },
	{ rflags_reserved, "RFLAGS has a reserved bit, or lacks bit 1 (27.3.1.4)" },
	{ rflags_virtual, "virtual-8086 mode in 64-bit or real mode (27.3.1.4)" },
	{ event_type, "an event of a reserved type is injected (27.2.1.3)" },
	{ event_vector, "an event is injected with another's vector (27.2.1.3)" },
	{ event_error, "an event is injected with an error code, or without its own (27.2.1.3)" },
	{ event_error_wide, "an error code has more than 16 bits (27.2.1.3)" },
	{ rflags_interrupt, "an interrupt is injected with IF clear (27.3.1.4)" },
	{ shadows, "the shadows of STI and MOV SS together, or STI's with IF clear (27.3.1.5)" },
	{ event_in_shadow, "an event is injected that is blocked (27.3.1.5)" },
	{ pending_reserved, "the pending debug exceptions have a reserved bit (27.3.1.5)" },
	{ pending_step, "the pending single-step does not fit TF (27.3.1.5)" },
	{ link, "the VMCS link pointer is in use (27.3.1.5)" },
	{ pdptes, "an entry of PAE paging's first table has a reserved bit (27.3.1.6)" },
};

const char *vmx_broken_rule(void)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (rules[i].is_broken()) {
			return rules[i].rule;
		}
	}
	return NULL;
}
