/* SPDX-License-Identifier: GPL-2.0-only */
/* Each rule about guests that a processor enters is found when it is broken, and it alone is. */
/* arch: x86 */
/* sources: arch/x86/vmx_check_guest.c */
#include "arch/vmx.h"

#include "tests/unit/vmx_guest.h"

#include "arch/vcpu_events.h"

#define CHANGES    2
#define SEG(s, of) (VMCS_GUEST_ES##of + 2 * SEGMENT_##s)
#define FAR        UINT64_C(0x0000800000000000) /* not canonical */
#define INTERRUPT  (VMCS_EVENT_VALID | 0x41)
#define NMI        (VMCS_EVENT_VALID | VMCS_EVENT_NMI << 8 | 2)

struct vmx_facts vmx_facts;

/* A guest that breaks no rule, what is changed, and what is said then. */
struct row {
	void (*make)(void);
	const char *word;
	struct {
		uint32_t field;
		uint64_t value;
	} changes[CHANGES];
};

static int setup(void **state)
{
	(void)state;
	vmcs_fake_clear();
	vmx_guest_make();
	return 0;
}

static void expect_none(void)
{
	const char *rule = vmx_broken_rule();

	if (rule != NULL) {
		fail_msg("%s", rule);
	}
}

static void expect_broken(const char *word)
{
	const char *rule = vmx_broken_rule();

	if (rule == NULL || strstr(rule, word) == NULL) {
		fail_msg("%s is not found, but: %s", word, rule != NULL ? rule : "none");
	}
}

/* ---- guests ---- */

static void make_64_bit(void)
{
}

static void make_protected(void)
{
	vmcs_fake_set(VMCS_ENTRY_CONTROLS, ENTRY_LOAD_EFER);
	vmcs_fake_set(VMCS_GUEST_EFER, 0);
	vmcs_fake_set(VMCS_GUEST_RIP, 0xc0100000);
	vmx_guest_segment(SEGMENT_CS, 0xc09b, UINT32_MAX);
}

static void make_real(void)
{
	make_protected();
	vmcs_fake_set(VMCS_GUEST_CR0, CR0_ET | CR0_NE);
	vmcs_fake_set(VMCS_GUEST_RIP, 0x7c00);
	for (unsigned i = SEGMENT_ES; i <= SEGMENT_GS; i++) {
		vmx_guest_segment(i, 0x93, UINT16_MAX);
	}
	vmx_guest_segment(SEGMENT_TR, 0x8b, UINT16_MAX);
	vmx_guest_segment(SEGMENT_LDTR, 0x82, UINT16_MAX);
}

static void make_virtual_8086(void)
{
	make_protected();
	vmcs_fake_set(VMCS_GUEST_RIP, 0x100);
	vmcs_fake_set(VMCS_GUEST_RFLAGS, RFLAGS_RES1 | RFLAGS_IF | RFLAGS_VM);
	for (unsigned i = SEGMENT_ES; i <= SEGMENT_GS; i++) {
		vmx_guest_segment(i, 0xf3, UINT16_MAX);
		vmcs_fake_set(VMCS_GUEST_ES_BASE + 2 * i, vmcs_fake[VMCS_GUEST_ES + 2 * i] << 4);
	}
}

static void sane_guests_break_no_rule(void **state)
{
	(void)state;
	expect_none();
	make_protected();
	expect_none();
	make_real();
	expect_none();
	setup(state);
	make_virtual_8086();
	expect_none();
}

/* Processes, and what kernels leave in segments that they do not use. */
static void other_sane_guests_break_no_rule(void **state)
{
	(void)state;
	vmx_guest_segment(SEGMENT_CS, 0xa0fb, UINT32_MAX);
	vmx_guest_segment(SEGMENT_SS, 0xc0f3, UINT32_MAX);
	expect_none();
	vmx_guest_segment(SEGMENT_SS, VMCS_RIGHTS_UNUSABLE | 0x60, 0);
	for (unsigned i = SEGMENT_DS; i <= SEGMENT_GS; i++) {
		vmx_guest_segment(i, VMCS_RIGHTS_UNUSABLE, 0x12345);
	}
	expect_none();
	vmx_guest_segment(SEGMENT_CS, 0xa09f, UINT32_MAX); /* conforming */
	expect_none();
	vmx_guest_segment(SEGMENT_CS, 0xa09d, UINT32_MAX);
	vmx_guest_segment(SEGMENT_SS, 0xc0f7, UINT32_MAX); /* grows down */
	expect_none();
	setup(state);
	make_protected();
	vmx_guest_segment(SEGMENT_TR, 0x83, 0x2b);         /* 16 bits */
	vmx_guest_segment(SEGMENT_DS, 0xc09b, UINT32_MAX); /* code that is read */
	vmcs_fake_set(VMCS_GUEST_PDPTE, 0x1001);
	vmcs_fake_set(VMCS_GUEST_PDPTE + 2, 0x1e6); /* not present */
	expect_none();
	/* Shadows with the events that go with them. */
	vmcs_fake_set(VMCS_GUEST_INTERRUPTIBILITY, VMCS_BLOCKED_BY_STI);
	vmcs_fake_set(VMCS_ENTRY_EVENT, NMI);
	expect_none();
	vmcs_fake_set(VMCS_GUEST_INTERRUPTIBILITY, VMCS_BLOCKED_BY_MOV_SS);
	vmcs_fake_set(VMCS_ENTRY_EVENT, VMCS_EVENT_VALID | VMCS_EVENT_EXCEPTION << 8 | VECTOR_UD);
	expect_none();
	vmcs_fake_set(VMCS_GUEST_INTERRUPTIBILITY, VMCS_BLOCKED_BY_NMI);
	vmcs_fake_set(VMCS_ENTRY_EVENT, INTERRUPT);
	expect_none();
	vmcs_fake_set(VMCS_ENTRY_EVENT, NMI & ~VMCS_EVENT_VALID);
	expect_none();
	vmcs_fake_set(VMCS_GUEST_PENDING_DEBUG, 0x500f);
	expect_none();
	setup(state);
	vmcs_fake_set(VMCS_GUEST_RIP, FAR); /* its fetch has the fault */
	expect_none();
}

/* ---- broken ones ---- */

static void expect_each(const struct row *rows, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		setup(NULL);
		rows[i].make();
		expect_none();
		for (unsigned n = 0; n < CHANGES && rows[i].changes[n].field != 0; n++) {
			vmcs_fake_set(rows[i].changes[n].field, rows[i].changes[n].value);
		}
		expect_broken(rows[i].word);
	}
}

static void broken_control_registers_are_found(void **state)
{
	static const struct row rows[] = {
		{ make_64_bit, "CR0 has a", { { VMCS_GUEST_CR0, VMX_GUEST_CR0 & ~CR0_NE } } },
		{ make_64_bit, "CR0 has a", { { VMCS_GUEST_CR0, VMX_GUEST_CR0 | BIT(32) } } },
		{ make_64_bit, "CR0.PG", { { VMCS_GUEST_CR0, VMX_GUEST_CR0 & ~CR0_PE } } },
		{ make_64_bit, "CR4 has a", { { VMCS_GUEST_CR4, CR4_PAE | CR4_MCE } } },
		{ make_64_bit, "CR4 has a", { { VMCS_GUEST_CR4, CR4_PAE | CR4_VMXE | BIT(30) } } },
		{ make_64_bit, "without paging", { { VMCS_GUEST_CR4, CR4_VMXE } } },
		{ make_64_bit, "without paging", { { VMCS_GUEST_CR0, VMX_GUEST_CR0 & ~CR0_PG } } },
		{ make_protected, "PCIDE", { { VMCS_GUEST_CR4, CR4_VMXE | CR4_PCIDE } } },
		{ make_64_bit, "DR7", { { VMCS_GUEST_DR7, BIT(32) | 0x400 } } },
		{ make_64_bit, "SYSENTER", { { VMCS_GUEST_SYSENTER_ESP, FAR } } },
		{ make_64_bit, "SYSENTER", { { VMCS_GUEST_SYSENTER_EIP, FAR } } },
		{ make_64_bit,
		  "EFER has",
		  { { VMCS_GUEST_EFER, EFER_LME | EFER_LMA | EFER_SVME } } },
		{ make_64_bit, "EFER.LMA", { { VMCS_GUEST_EFER, EFER_LME } } },
		{ make_64_bit, "EFER.LMA", { { VMCS_GUEST_EFER, EFER_LMA } } },
		{ make_protected, "EFER.LMA", { { VMCS_GUEST_EFER, EFER_LME } } },
		{ make_protected, "EFER.LMA", { { VMCS_GUEST_EFER, EFER_LME | EFER_LMA } } },
		{ make_64_bit, "link", { { VMCS_LINK, 0x1000 } } },
	};

	(void)state;
	expect_each(rows, ARRAY_SIZE(rows));
}

static void broken_entries_of_pae_paging_are_found(void **state)
{
	static const struct row rows[] = {
		{ make_protected, "PAE", { { VMCS_GUEST_PDPTE, 0x1003 } } },
		{ make_protected, "PAE", { { VMCS_GUEST_PDPTE + 4, BIT(63) | 0x1001 } } },
		{ make_protected, "PAE", { { VMCS_GUEST_PDPTE + 6, 0x1021 } } },
	};

	(void)state;
	expect_each(rows, ARRAY_SIZE(rows));
	setup(state); /* 64-bit mode looks at none of them */
	vmcs_fake_set(VMCS_GUEST_PDPTE, 0x1003);
	expect_none();
}

static void broken_rip_and_rflags_are_found(void **state)
{
	static const struct row rows[] = {
		{ make_64_bit, "RIP", { { VMCS_GUEST_RIP, BIT(48) } } },
		{ make_64_bit, "RIP", { { VMCS_GUEST_RIP, BIT(63) } } },
		{ make_protected, "RIP", { { VMCS_GUEST_RIP, BIT(32) } } },
		{ make_64_bit, /* compatibility mode */
		  "RIP",
		  { { SEG(CS, _RIGHTS), 0xc09b }, { VMCS_GUEST_RIP, BIT(32) } } },
		{ make_64_bit, "RFLAGS has", { { VMCS_GUEST_RFLAGS, 0 } } },
		{ make_64_bit, "RFLAGS has", { { VMCS_GUEST_RFLAGS, RFLAGS_RES1 | BIT(3) } } },
		{ make_64_bit, "RFLAGS has", { { VMCS_GUEST_RFLAGS, RFLAGS_RES1 | BIT(15) } } },
		{ make_64_bit, "RFLAGS has", { { VMCS_GUEST_RFLAGS, RFLAGS_RES1 | BIT(22) } } },
		{ make_virtual_8086,
		  "virtual-8086 mode in",
		  { { VMCS_ENTRY_CONTROLS, ENTRY_LONG_MODE },
		    { VMCS_GUEST_EFER, EFER_LME | EFER_LMA } } },
	};

	(void)state;
	expect_each(rows, ARRAY_SIZE(rows));
}

/* ---- segments ---- */

static void broken_system_segments_are_found(void **state)
{
	static const struct row rows[] = {
		{ make_64_bit, "TR", { { SEG(TR, _RIGHTS), 0x89 } } }, /* not busy */
		{ make_64_bit, "TR", { { SEG(TR, _RIGHTS), 0x83 } } }, /* 16 bits */
		{ make_64_bit, "TR", { { SEG(TR, _RIGHTS), 0x0b } } },
		{ make_64_bit, "TR", { { SEG(TR, _RIGHTS), 0x9b } } },
		{ make_64_bit, "TR", { { SEG(TR, _RIGHTS), VMCS_RIGHTS_UNUSABLE | 0x8b } } },
		{ make_64_bit, "LDTR", { { SEG(LDTR, _RIGHTS), 0x8b } } },
		{ make_64_bit, "LDTR", { { SEG(LDTR, _RIGHTS), 0x92 } } },
		{ make_64_bit, "not present", { { SEG(LDTR, _RIGHTS), 0x02 } } },
		{ make_64_bit, "GDTR's", { { VMCS_GUEST_GDTR_LIMIT, 0x10000 } } },
		{ make_64_bit, "IDTR's", { { VMCS_GUEST_IDTR_LIMIT, 0x10000 } } },
	};

	(void)state;
	expect_each(rows, ARRAY_SIZE(rows));
}

static void broken_code_and_stack_are_found(void **state)
{
	static const struct row rows[] = {
		{ make_64_bit, "CS has not", { { SEG(CS, _RIGHTS), 0xa091 } } },
		{ make_64_bit, "CS has not", { { SEG(CS, _RIGHTS), 0xa09a } } }, /* accessed */
		{ make_64_bit, "CS is a", { { SEG(CS, _RIGHTS), 0xa08b } } },
		{ make_64_bit, "CS is a", { { SEG(CS, _RIGHTS), 0xa01b } } },
		{ make_64_bit, "both L and D", { { SEG(CS, _RIGHTS), 0xe09b } } },
		{ make_64_bit, "SS is not", { { SEG(SS, _RIGHTS), 0xc091 } } },
		{ make_64_bit, "SS is not", { { SEG(SS, _RIGHTS), 0xc09b } } },
		{ make_64_bit, "not present", { { SEG(SS, _RIGHTS), 0xc013 } } },
		{ make_real,
		  "SS has a DPL",
		  { { SEG(SS, _RIGHTS), 0xf3 }, { SEG(CS, _RIGHTS), 0xfb } } },
		{ make_protected,
		  "SS has a DPL",
		  { { SEG(SS, _RIGHTS), 0xc0f3 }, { SEG(CS, _RIGHTS), 0xc093 } } },
		{ make_protected, "DPLs", { { SEG(CS, _RIGHTS), 0xc0f3 } } },
		{ make_64_bit, "DPLs", { { SEG(CS, _RIGHTS), 0xa0fb } } },
		{ make_64_bit, "DPLs", { { SEG(SS, _RIGHTS), 0xc0f3 } } },
		{ make_64_bit, "DPLs", { { SEG(CS, _RIGHTS), 0xa0ff } } }, /* conforming */
	};

	(void)state;
	expect_each(rows, ARRAY_SIZE(rows));
}

static void broken_data_segments_are_found(void **state)
{
	static const struct row rows[] = {
		{ make_64_bit, "data segment", { { SEG(DS, _RIGHTS), 0xc092 } } },
		{ make_64_bit, "data segment", { { SEG(GS, _RIGHTS), 0xc099 } } },
		{ make_64_bit, "not present", { { SEG(ES, _RIGHTS), 0xc013 } } },
		{ make_64_bit, "not present", { { SEG(FS, _RIGHTS), 0xc083 } } },
		{ make_64_bit, "reserved", { { SEG(DS, _RIGHTS), 0xc193 } } },
		{ make_64_bit, "reserved", { { SEG(TR, _RIGHTS), BIT(17) | 0x8b } } },
		{ make_64_bit, "granularity", { { SEG(DS, _LIMIT), 0xffffeffe } } },
		{ make_64_bit, "granularity", { { SEG(TR, _LIMIT), 0x100000 } } },
		{ make_64_bit, "32 bits", { { SEG(DS, _BASE), BIT(32) } } },
		{ make_64_bit, "32 bits", { { SEG(CS, _BASE), BIT(32) } } },
		{ make_64_bit, "canonical", { { SEG(FS, _BASE), FAR } } },
		{ make_64_bit, "canonical", { { SEG(GS, _BASE), FAR } } },
		{ make_64_bit, "canonical", { { SEG(TR, _BASE), FAR } } },
		{ make_real, "canonical", { { SEG(LDTR, _BASE), FAR } } },
		{ make_64_bit, "canonical", { { VMCS_GUEST_GDTR_BASE, FAR } } },
		{ make_64_bit, "canonical", { { VMCS_GUEST_IDTR_BASE, FAR } } },
	};

	(void)state;
	expect_each(rows, ARRAY_SIZE(rows));
}

static void broken_virtual_8086_segments_are_found(void **state)
{
	static const struct row rows[] = {
		{ make_virtual_8086, "virtual-8086", { { SEG(DS, _RIGHTS), 0x93 } } },
		{ make_virtual_8086, "virtual-8086", { { SEG(GS, _LIMIT), 0xfffe } } },
		{ make_virtual_8086, "virtual-8086", { { SEG(CS, _BASE), 0x100000 } } },
	};

	(void)state;
	expect_each(rows, ARRAY_SIZE(rows));
}

/* ---- events and shadows ---- */

static void broken_events_are_found(void **state)
{
	static const struct row rows[] = {
		{ make_64_bit,
		  "IF clear",
		  { { VMCS_ENTRY_EVENT, INTERRUPT }, { VMCS_GUEST_RFLAGS, RFLAGS_RES1 } } },
		{ make_64_bit,
		  "blocked",
		  { { VMCS_ENTRY_EVENT, INTERRUPT },
		    { VMCS_GUEST_INTERRUPTIBILITY, VMCS_BLOCKED_BY_STI } } },
		{ make_64_bit,
		  "blocked",
		  { { VMCS_ENTRY_EVENT, INTERRUPT },
		    { VMCS_GUEST_INTERRUPTIBILITY, VMCS_BLOCKED_BY_MOV_SS } } },
		{ make_64_bit,
		  "blocked",
		  { { VMCS_ENTRY_EVENT, NMI },
		    { VMCS_GUEST_INTERRUPTIBILITY, VMCS_BLOCKED_BY_MOV_SS } } },
		{ make_64_bit,
		  "blocked",
		  { { VMCS_ENTRY_EVENT, NMI },
		    { VMCS_GUEST_INTERRUPTIBILITY, VMCS_BLOCKED_BY_NMI } } },
	};

	(void)state;
	expect_each(rows, ARRAY_SIZE(rows));
}

#define EXCEPTION(vector) (VMCS_EVENT_VALID | VMCS_EVENT_EXCEPTION << 8 | (vector))
#define ERROR             VMCS_EVENT_HAS_ERROR

static void events_that_can_not_be_are_found(void **state)
{
	static const struct row rows[] = {
		{ make_64_bit, "type", { { VMCS_ENTRY_EVENT, VMCS_EVENT_VALID | 1 << 8 } } },
		{ make_64_bit, "type", { { VMCS_ENTRY_EVENT, VMCS_EVENT_VALID | 7 << 8 } } },
		{ make_64_bit, "another's", { { VMCS_ENTRY_EVENT, NMI + 1 } } },
		{ make_64_bit, "another's", { { VMCS_ENTRY_EVENT, EXCEPTION(32) } } },
		{ make_64_bit, "error code,", { { VMCS_ENTRY_EVENT, EXCEPTION(6) | ERROR } } },
		{ make_64_bit, "error code,", { { VMCS_ENTRY_EVENT, EXCEPTION(13) } } },
		{ make_64_bit, "error code,", { { VMCS_ENTRY_EVENT, INTERRUPT | ERROR } } },
		{ make_64_bit, "error code,", { { VMCS_ENTRY_EVENT, NMI | ERROR } } },
		{ make_virtual_8086, "error code,", { { VMCS_ENTRY_EVENT, EXCEPTION(13) } } },
		{ make_real, "error code,", { { VMCS_ENTRY_EVENT, EXCEPTION(13) | ERROR } } },
		{ make_64_bit,
		  "16 bits",
		  { { VMCS_ENTRY_EVENT, EXCEPTION(13) | ERROR }, { VMCS_ENTRY_ERROR, BIT(16) } } },
	};

	(void)state;
	expect_each(rows, ARRAY_SIZE(rows));
}

static void sane_exceptions_break_no_rule(void **state)
{
	static const uint8_t with[] = { 8, 10, 11, 12, 13, 14, 17 };
	static const uint8_t without[] = { 0, 1, 3, 4, 5, 6, 7, 16, 18, 19 };

	for (unsigned i = 0; i < ARRAY_SIZE(with); i++) {
		setup(state);
		vmcs_fake_set(VMCS_ENTRY_ERROR, UINT16_MAX);
		vmcs_fake_set(VMCS_ENTRY_EVENT, EXCEPTION(with[i]) | ERROR);
		expect_none();
		make_real();
		vmcs_fake_set(VMCS_ENTRY_EVENT, EXCEPTION(with[i]));
		expect_none();
	}
	for (unsigned i = 0; i < ARRAY_SIZE(without); i++) {
		setup(state);
		vmcs_fake_set(VMCS_ENTRY_EVENT, EXCEPTION(without[i]));
		expect_none();
	}
}

static void broken_shadows_are_found(void **state)
{
	static const struct row rows[] = {
		{ make_64_bit, "shadows", { { VMCS_GUEST_INTERRUPTIBILITY, 3 } } },
		{ make_64_bit,
		  "shadows",
		  { { VMCS_GUEST_INTERRUPTIBILITY, VMCS_BLOCKED_BY_STI },
		    { VMCS_GUEST_RFLAGS, RFLAGS_RES1 } } },
		{ make_64_bit,
		  "single-step",
		  { { VMCS_GUEST_INTERRUPTIBILITY, VMCS_BLOCKED_BY_MOV_SS },
		    { VMCS_GUEST_RFLAGS, RFLAGS_RES1 | RFLAGS_TF } } },
		{ make_64_bit,
		  "single-step",
		  { { VMCS_GUEST_INTERRUPTIBILITY, VMCS_BLOCKED_BY_STI },
		    { VMCS_GUEST_PENDING_DEBUG, PENDING_DEBUG_STEP } } },
		{ make_64_bit, "pending debug", { { VMCS_GUEST_PENDING_DEBUG, BIT(4) } } },
		{ make_64_bit, "pending debug", { { VMCS_GUEST_PENDING_DEBUG, BIT(13) } } },
		{ make_64_bit, "pending debug", { { VMCS_GUEST_PENDING_DEBUG, BIT(63) } } },
	};

	(void)state;
	expect_each(rows, ARRAY_SIZE(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sane_guests_break_no_rule, setup),
		cmocka_unit_test_setup(other_sane_guests_break_no_rule, setup),
		cmocka_unit_test_setup(broken_control_registers_are_found, setup),
		cmocka_unit_test_setup(broken_entries_of_pae_paging_are_found, setup),
		cmocka_unit_test_setup(broken_rip_and_rflags_are_found, setup),
		cmocka_unit_test_setup(broken_system_segments_are_found, setup),
		cmocka_unit_test_setup(broken_code_and_stack_are_found, setup),
		cmocka_unit_test_setup(broken_data_segments_are_found, setup),
		cmocka_unit_test_setup(broken_virtual_8086_segments_are_found, setup),
		cmocka_unit_test_setup(broken_events_are_found, setup),
		cmocka_unit_test_setup(events_that_can_not_be_are_found, setup),
		cmocka_unit_test_setup(sane_exceptions_break_no_rule, setup),
		cmocka_unit_test_setup(broken_shadows_are_found, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
