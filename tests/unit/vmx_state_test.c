/* SPDX-License-Identifier: GPL-2.0-only */
/* vcpu_state's registers to the VMCS and the live registers, and back. */
/* arch: x86 */
/* sources: arch/x86/vmx_state.c */
#include "arch/vmx.h"

#include "tests/unit/vmcs_fake.h"

#include "arch/mitigation.h"
#include "arch/msr.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/vcpu.h"
#include "core/vm.h"

/* Encodings of the first segment's fields: SDM3 appendix B. */
#define SELECTOR(n) (0x0800 + 2 * (n))
#define LIMIT(n)    (0x4800 + 2 * (n))
#define RIGHTS(n)   (0x4814 + 2 * (n))
#define BASE(n)     (0x6806 + 2 * (n))

#define UNUSABLE BIT(16)

struct vmx_facts vmx_facts;
struct vmx_controls vmx_controls;
uint32_t mitigation_work;

static struct cpu cpu;
static struct vm vm;
static struct vcpu vcpu;
static struct vcpu_state guest;
static struct vcpu_state live; /* the CPU's registers, as a state has them */
static uint64_t paging_set;
static unsigned blocking_gets, blocking_sets;

/* ---- what stands around it ---- */

struct cpu *arch_cpu_self(void)
{
	return &cpu;
}

uint8_t vlapic_cr8_read(struct vcpu *owner)
{
	assert_ptr_equal(owner, &vcpu);
	return 5;
}

void vmx_paging_get(struct vcpu_sregs *sregs)
{
	sregs->pdptes[0] = sregs->cr3 | PDPTE_PRESENT; /* control registers are there already */
}

void vmx_paging_set(struct vcpu *owner, const struct vcpu_sregs *sregs)
{
	assert_ptr_equal(owner, &vcpu);
	paging_set = sregs->pdptes[0];
}

void vmx_live_get(struct vcpu_state *state, uint64_t groups)
{
	if ((groups & STATE_SREGS) != 0) {
		state->sregs.cr2 = live.sregs.cr2;
	}
	if ((groups & STATE_MSR) != 0) {
		state->msrs.star = live.msrs.star;
		state->msrs.kernel_gs_base = live.msrs.kernel_gs_base;
	}
	if ((groups & STATE_DEBUG) != 0) {
		state->debug.dr6 = live.debug.dr6;
	}
}

void vmx_live_set(const struct vcpu_state *state, uint64_t groups)
{
	if ((groups & STATE_SREGS) != 0) {
		live.sregs.cr2 = state->sregs.cr2;
	}
	if ((groups & STATE_MSR) != 0) {
		live.msrs.star = state->msrs.star;
		live.msrs.kernel_gs_base = state->msrs.kernel_gs_base;
	}
	if ((groups & STATE_DEBUG) != 0) {
		live.debug.dr6 = state->debug.dr6;
	}
}

void vmx_run_blocking_get(struct vcpu *owner)
{
	owner->arch.events.pending_debug = PENDING_DEBUG_STEP;
	blocking_gets++;
}

void vmx_run_blocking_set(struct vcpu *owner)
{
	assert_ptr_equal(owner, &vcpu);
	blocking_sets++;
}

static int setup(void **state)
{
	(void)state;
	vmcs_fake_clear();
	memset(&cpu, 0, sizeof(cpu));
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&guest, 0, sizeof(guest));
	memset(&live, 0, sizeof(live));
	vmx_facts = (struct vmx_facts){ .cr0_fixed0 = CR0_PE | CR0_NE | CR0_PG,
					.cr4_fixed0 = CR4_VMXE };
	vcpu.vm = &vm;
	vcpu.arch.state = &guest;
	vcpu.arch.vmx.entry = (uint32_t)ENTRY_LOAD_EFER;
	vmcs_fake_set(VMCS_ENTRY_CONTROLS, ENTRY_LOAD_EFER);
	vmcs_fake_set(VMCS_HOST_CR4, CR4_PAE | CR4_VMXE | CR4_MCE);
	mitigation_work = 0;
	blocking_gets = blocking_sets = 0;
	return 0;
}

/* The guest has run: nothing here is up to date. */
static struct vcpu_state *read_back(uint64_t groups)
{
	memset(&guest, 0x55, sizeof(guest));
	guest.valid = guest.dirty = 0;
	vmx_state_get(&vcpu, groups);
	assert_int_equal(guest.valid, groups);
	return &guest;
}

static void set_sregs(void)
{
	guest.dirty = STATE_SREGS;
	vmx_state_set(&vcpu, STATE_SREGS);
	assert_int_equal(guest.dirty, 0);
}

/* ---- segments ---- */

static void segments_come_back_as_they_were(void **state)
{
	struct segment was[SEGMENT_COUNT];

	(void)state;
	for (unsigned i = 0; i < SEGMENT_COUNT; i++) {
		was[i] = (struct segment){ .base = 0x100000 * (i + 1),
					   .limit = 0xfffff000 + i,
					   .selector = (uint16_t)(8 * i + 3),
					   .attributes = (uint16_t)(0xf93 - 0x100 * i) };
		guest.sregs.segments[i] = was[i];
	}
	set_sregs();
	assert_memory_equal(read_back(STATE_SREGS)->sregs.segments, was, sizeof(was));
}

/* SDM3 24.4.1: segments from ES on, two apart; attributes' upper half is at 15:12. */
static void each_segment_has_its_fields(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SEGMENT_COUNT; i++) {
		guest.sregs.segments[i] =
			(struct segment){ 0x1000 + i, 0x2000 + i, (uint16_t)(0x3000 + i), 0xa9b };
	}
	set_sregs();
	for (unsigned i = 0; i < SEGMENT_COUNT; i++) {
		assert_int_equal(vmcs_fake[SELECTOR(i)], 0x3000 + i);
		assert_int_equal(vmcs_fake[LIMIT(i)], 0x2000 + i);
		assert_int_equal(vmcs_fake[BASE(i)], 0x1000 + i);
		assert_int_equal(vmcs_fake[RIGHTS(i)], 0xa09b);
	}
}

static void segment_that_is_not_present_is_unusable(void **state)
{
	(void)state;
	guest.sregs.segments[SEGMENT_DS] = (struct segment){ .attributes = 0x13 };
	guest.sregs.segments[SEGMENT_ES] = (struct segment){ .attributes = 0x93 };
	set_sregs();
	assert_true((vmcs_fake[RIGHTS(SEGMENT_DS)] & UNUSABLE) != 0);
	assert_false((vmcs_fake[RIGHTS(SEGMENT_ES)] & UNUSABLE) != 0);
}

static void unusable_segment_is_not_present(void **state)
{
	(void)state;
	vmcs_fake_set(RIGHTS(SEGMENT_FS), UNUSABLE | 0xa09b);
	assert_int_equal(read_back(STATE_SREGS)->sregs.segments[SEGMENT_FS].attributes, 0);
}

/* A process in 64-bit mode may have no stack segment: its DPL is the CPL all the same. */
static void privilege_is_the_stack_segments_even_where_it_is_unusable(void **state)
{
	(void)state;
	vmcs_fake_set(RIGHTS(SEGMENT_SS), 0xc0f3);
	assert_int_equal(read_back(STATE_SREGS)->sregs.cpl, 3);
	vmcs_fake_set(RIGHTS(SEGMENT_SS), UNUSABLE | 3 << 5);
	assert_int_equal(read_back(STATE_SREGS)->sregs.cpl, 3);
	set_sregs();
	assert_int_equal(vmcs_fake[RIGHTS(SEGMENT_SS)] >> 5 & 3, 3);
	vmcs_fake_set(RIGHTS(SEGMENT_SS), UNUSABLE);
	vmcs_fake_set(RIGHTS(SEGMENT_CS), 0xa0fb);
	assert_int_equal(read_back(STATE_SREGS)->sregs.cpl, 0);
}

static void descriptor_tables_come_back_as_they_were(void **state)
{
	(void)state;
	guest.sregs.gdtr = (struct segment){ .base = UINT64_C(0xffffffff81000000), .limit = 0x7f };
	guest.sregs.idtr = (struct segment){ .base = 0x2000, .limit = 0xfff };
	set_sregs();
	assert_int_equal(vmcs_fake[0x6816], UINT64_C(0xffffffff81000000));
	assert_int_equal(vmcs_fake[0x6818], 0x2000);
	read_back(STATE_SREGS);
	assert_int_equal(guest.sregs.gdtr.base, UINT64_C(0xffffffff81000000));
	assert_int_equal(guest.sregs.gdtr.limit, 0x7f);
	assert_int_equal(guest.sregs.idtr.base, 0x2000);
	assert_int_equal(guest.sregs.idtr.limit, 0xfff);
	assert_int_equal(guest.sregs.idtr.selector + guest.sregs.idtr.attributes, 0);
}

/* The processor refuses limits above 16 bits: SDM3 27.3.1.3. */
static void table_limits_have_16_bits(void **state)
{
	(void)state;
	guest.sregs.gdtr.limit = guest.sregs.idtr.limit = UINT32_MAX;
	set_sregs();
	assert_int_equal(vmcs_fake[0x4810], UINT16_MAX);
	assert_int_equal(vmcs_fake[0x4812], UINT16_MAX);
}

/* ---- control registers ---- */

static void guest_reads_the_cr0_that_it_wrote(void **state)
{
	const uint64_t own = CR0_PE | CR0_ET | CR0_WP | CR0_PG;

	(void)state;
	guest.sregs.cr0 = own;
	set_sregs();
	assert_int_equal(vmcs_fake[VMCS_CR0_SHADOW], own);
	assert_int_equal(vmcs_fake[VMCS_GUEST_CR0], own | CR0_NE);
	assert_int_equal(read_back(STATE_SREGS)->sregs.cr0, own);
}

/* With unrestricted guests PE and PG are the guest's, though they are fixed in VMX operation. */
static void real_mode_stays_real_mode(void **state)
{
	(void)state;
	guest.sregs.cr0 = CR0_ET;
	set_sregs();
	assert_int_equal(vmcs_fake[VMCS_GUEST_CR0], CR0_ET | CR0_NE);
}

/* It writes them without an exit: the shadow is old then. */
static void ts_and_mp_are_the_guests_own(void **state)
{
	(void)state;
	guest.sregs.cr0 = CR0_PE | CR0_ET | CR0_TS;
	vmx_state_init(&vcpu);
	assert_int_equal(vmcs_fake[VMCS_CR0_MASK], ~(CR0_TS | CR0_MP));
	set_sregs();
	assert_int_equal(vmcs_fake[VMCS_GUEST_CR0] & (CR0_TS | CR0_MP), CR0_TS);
	vmcs_fake_set(VMCS_GUEST_CR0, CR0_PE | CR0_ET | CR0_NE | CR0_MP);
	assert_int_equal(read_back(STATE_SREGS)->sregs.cr0, CR0_PE | CR0_ET | CR0_MP);
}

static void caching_is_not_the_guests_to_turn_off(void **state)
{
	(void)state;
	guest.sregs.cr0 = CR0_ET | CR0_CD | CR0_NW;
	set_sregs();
	assert_int_equal(vmcs_fake[VMCS_GUEST_CR0] & (CR0_CD | CR0_NW), 0);
	assert_int_equal(read_back(STATE_SREGS)->sregs.cr0, CR0_ET | CR0_CD | CR0_NW);
}

static void guest_sees_nothing_of_vmx_and_machine_checks_in_cr4(void **state)
{
	(void)state;
	vmx_state_init(&vcpu);
	assert_int_equal(vmcs_fake[VMCS_CR4_MASK], UINT64_MAX);
	for (uint64_t own = 0; own <= CR4_MCE; own += CR4_MCE) {
		guest.sregs.cr4 = CR4_PAE | own;
		set_sregs();
		assert_int_equal(vmcs_fake[VMCS_GUEST_CR4], CR4_PAE | CR4_VMXE | CR4_MCE);
		assert_int_equal(vmcs_fake[VMCS_CR4_SHADOW], CR4_PAE | own);
		assert_int_equal(read_back(STATE_SREGS)->sregs.cr4, CR4_PAE | own);
	}
}

static void machine_checks_are_forced_only_where_the_host_takes_them(void **state)
{
	(void)state;
	vmcs_fake_set(VMCS_HOST_CR4, CR4_PAE | CR4_VMXE);
	guest.sregs.cr4 = CR4_PAE;
	set_sregs();
	assert_int_equal(vmcs_fake[VMCS_GUEST_CR4], CR4_PAE | CR4_VMXE);
}

static void cr2_cr3_and_cr8_come_back(void **state)
{
	(void)state;
	guest.sregs.cr2 = 0x1234;
	guest.sregs.cr3 = 0x77001;
	set_sregs();
	assert_int_equal(live.sregs.cr2, 0x1234);
	live.sregs.cr2 = 0x5678;                /* a page fault of its own */
	vmcs_fake_set(VMCS_GUEST_CR3, 0x88000); /* written without an exit */
	read_back(STATE_SREGS);
	assert_int_equal(guest.sregs.cr2, 0x5678);
	assert_int_equal(guest.sregs.cr3, 0x88000);
	assert_int_equal(guest.sregs.cr8, 5);
}

/* ---- long mode and PAE ---- */

static void entry_control_of_long_mode_follows_lma(void **state)
{
	(void)state;
	guest.sregs.efer = EFER_LME;
	set_sregs();
	assert_int_equal(vmcs_fake_written[VMCS_ENTRY_CONTROLS], 0);
	guest.sregs.efer = EFER_LME | EFER_LMA | EFER_NXE;
	set_sregs();
	assert_int_equal(vmcs_fake[VMCS_ENTRY_CONTROLS], ENTRY_LOAD_EFER | ENTRY_LONG_MODE);
	assert_int_equal(vmcs_fake[VMCS_GUEST_EFER], EFER_LME | EFER_LMA | EFER_NXE);
	assert_int_equal(vcpu.arch.vmx.entry, ENTRY_LOAD_EFER | ENTRY_LONG_MODE);
	vmcs_fake_count();
	set_sregs();
	assert_int_equal(vmcs_fake_written[VMCS_ENTRY_CONTROLS], 0);
	guest.sregs.efer = EFER_LME;
	set_sregs();
	assert_int_equal(vmcs_fake[VMCS_ENTRY_CONTROLS], ENTRY_LOAD_EFER);
	assert_int_equal(read_back(STATE_SREGS)->sregs.efer, EFER_LME);
}

static void entries_of_pae_paging_move_with_the_control_registers(void **state)
{
	(void)state;
	guest.sregs.pdptes[0] = 0x5001;
	set_sregs();
	assert_int_equal(paging_set, 0x5001);
	vmcs_fake_set(VMCS_GUEST_CR3, 0x6000);
	assert_int_equal(read_back(STATE_SREGS)->sregs.pdptes[0], 0x6001);
}

/* ---- the other groups ---- */

static void msrs_of_the_vmcs_come_back(void **state)
{
	(void)state;
	guest.msrs = (struct vcpu_msrs){ .star = 1,
					 .kernel_gs_base = 2,
					 .sysenter_cs = 0x10,
					 .sysenter_esp = UINT64_C(0xffff800000001000),
					 .sysenter_eip = UINT64_C(0xffff800000002000),
					 .pat = UINT64_C(0x0407050600070106) };
	guest.dirty = STATE_MSR | STATE_DEBUG;
	vmx_state_set(&vcpu, STATE_MSR);
	assert_int_equal(guest.dirty, STATE_DEBUG);
	assert_int_equal(vmcs_fake[0x482a], 0x10);
	assert_int_equal(vmcs_fake[0x6824], UINT64_C(0xffff800000001000));
	assert_int_equal(vmcs_fake[0x6826], UINT64_C(0xffff800000002000));
	assert_int_equal(vmcs_fake[0x2804], UINT64_C(0x0407050600070106));
	assert_int_equal(live.msrs.star, 1);
	live.msrs.kernel_gs_base = 3; /* SWAPGS */
	read_back(STATE_MSR);
	assert_int_equal(guest.msrs.star, 1);
	assert_int_equal(guest.msrs.kernel_gs_base, 3);
	assert_int_equal(guest.msrs.sysenter_cs, 0x10);
	assert_int_equal(guest.msrs.sysenter_eip, UINT64_C(0xffff800000002000));
}

/* They are written with an exit alone: the state has them always. */
static void pat_spec_ctrl_and_tsc_aux_are_not_read_back(void **state)
{
	(void)state;
	guest.msrs = (struct vcpu_msrs){ .pat = 6, .spec_ctrl = 1, .tsc_aux = 7, .debugctl = 2 };
	vmx_state_get(&vcpu, STATE_MSR);
	assert_int_equal(guest.msrs.pat, 6);
	assert_int_equal(guest.msrs.spec_ctrl, 1);
	assert_int_equal(guest.msrs.tsc_aux, 7);
	assert_int_equal(guest.msrs.debugctl, 2);
}

static void debug_registers_come_back(void **state)
{
	(void)state;
	guest.debug.dr6 = 0xffff0ff1;
	guest.debug.dr7 = 0x403;
	vmx_state_set(&vcpu, STATE_DEBUG);
	assert_int_equal(live.debug.dr6, 0xffff0ff1);
	assert_int_equal(vmcs_fake[0x681a], 0x403);
	live.debug.dr6 = 0xffff4ff0;
	vmcs_fake_set(VMCS_GUEST_DR7, 0x400);
	read_back(STATE_DEBUG);
	assert_int_equal(guest.debug.dr6, 0xffff4ff0);
	assert_int_equal(guest.debug.dr7, 0x400);
}

/* MOV to DR7 in a shadow: what was met before it comes all the same. */
static void debug_registers_that_are_set_leave_traps_pending(void **state)
{
	(void)state;
	vmcs_fake_set(VMCS_GUEST_PENDING_DEBUG, BIT(12) | BIT(0));
	vmx_state_set(&vcpu, STATE_ALL & ~STATE_EVENTS);
	assert_int_equal(vmcs_read(VMCS_GUEST_PENDING_DEBUG), BIT(12) | BIT(0));
	assert_int_equal(blocking_sets, 0);
}

/* Shadows and flags may change without the VMCS. */
static void what_is_held_back_is_asked_for_each_time(void **state)
{
	(void)state;
	for (unsigned i = 1; i < 4; i++) {
		vmx_state_get(&vcpu, STATE_GPR | STATE_EVENTS);
		assert_int_equal(blocking_gets, i);
		assert_int_equal(vcpu.arch.events.pending_debug, PENDING_DEBUG_STEP);
	}
	vmx_state_get(&vcpu, STATE_ALL & ~STATE_EVENTS);
	assert_int_equal(blocking_gets, 3);
	guest.valid = guest.dirty = STATE_ALL; /* INIT, and no entry since */
	vmx_state_set(&vcpu, STATE_TSC);
	vmx_state_get(&vcpu, STATE_EVENTS);
	assert_int_equal(blocking_gets, 3);
	vmx_state_set(&vcpu, STATE_EVENTS);
	assert_int_equal(blocking_sets, 1);
	vmx_state_get(&vcpu, STATE_EVENTS);
	assert_int_equal(blocking_gets, 4);
}

static void tsc_offset_is_without_the_cpus_own(void **state)
{
	(void)state;
	guest.tsc.offset = 1000;
	cpu.arch.tsc_offset = 300;
	vmx_state_set(&vcpu, STATE_TSC);
	assert_int_equal(vmcs_fake[VMCS_TSC_OFFSET], 700);
	cpu.arch.tsc_offset = 1001;
	vmx_state_set(&vcpu, STATE_TSC);
	assert_int_equal(vmcs_fake[VMCS_TSC_OFFSET], UINT64_MAX);
}

static uint8_t mitigate(uint32_t work, uint64_t spec_ctrl)
{
	mitigation_work = work;
	guest.msrs.spec_ctrl = spec_ctrl;
	vmx_state_set(&vcpu, STATE_MSR);
	return vcpu.arch.mitigate;
}

static void spec_ctrl_is_exchanged_where_the_guests_is_not_0(void **state)
{
	(void)state;
	assert_int_equal(mitigate(0, 0), 0);
	assert_int_equal(mitigate(0, 1), MITIGATE_SPEC_CTRL);
	assert_int_equal(mitigate(MITIGATE_VERW | MITIGATE_IBPB_SWITCH, 1),
			 MITIGATE_SPEC_CTRL | MITIGATE_VERW);
}

static void group_that_is_valid_already_is_not_read(void **state)
{
	(void)state;
	guest.valid = STATE_SREGS | STATE_MSR | STATE_DEBUG;
	guest.sregs.cr3 = 1;
	guest.sregs.cr2 = 2;
	guest.msrs.star = 3;
	guest.debug.dr6 = 4;
	live.sregs.cr2 = live.msrs.star = live.debug.dr6 = 99;
	vmcs_fake_set(VMCS_GUEST_CR3, 99);
	vmx_state_get(&vcpu, STATE_SREGS | STATE_MSR | STATE_DEBUG);
	assert_int_equal(guest.sregs.cr3, 1);
	assert_int_equal(guest.sregs.cr2, 2);
	assert_int_equal(guest.msrs.star, 3);
	assert_int_equal(guest.debug.dr6, 4);
}

/* ---- init, load, put ---- */

/* The first entry writes all again, on whichever CPU that is. */
static void new_vcpu_has_all_in_the_vmcs_and_all_dirty(void **state)
{
	(void)state;
	guest.sregs.cr3 = 0x1000;
	guest.debug.dr7 = 0x400;
	guest.tsc.offset = 5;
	guest.sregs.cr2 = 0xbad;
	vcpu.arch.vmx.rsp = vcpu.arch.vmx.rflags = 99;
	vmcs_fake_set(VMCS_GUEST_RSP, 99);
	vmx_state_init(&vcpu);
	assert_int_equal(guest.dirty, STATE_ALL);
	assert_int_equal(vmcs_fake[VMCS_GUEST_CR3], 0x1000);
	assert_int_equal(vmcs_fake[VMCS_GUEST_DR7], 0x400);
	assert_int_equal(vmcs_fake[VMCS_TSC_OFFSET], 5);
	assert_int_equal(vmcs_fake[VMCS_GUEST_RSP], vcpu.arch.vmx.rsp);
	assert_int_equal(vmcs_fake[VMCS_GUEST_RFLAGS], RFLAGS_RES1);
	assert_int_equal(vcpu.arch.vmx.rflags, RFLAGS_RES1);
	assert_int_equal(live.sregs.cr2, 0); /* another vCPU's may be loaded */
}

static void load_gives_the_cpu_the_live_registers(void **state)
{
	(void)state;
	guest.sregs.cr2 = 1;
	guest.msrs.star = 2;
	guest.debug.dr6 = 3;
	vmx_state_load(&vcpu);
	assert_int_equal(live.sregs.cr2, 1);
	assert_int_equal(live.msrs.star, 2);
	assert_int_equal(live.debug.dr6, 3);
}

static void put_takes_the_live_registers_back(void **state)
{
	(void)state;
	live.sregs.cr2 = 1;
	live.msrs.star = 2;
	live.debug.dr6 = 3;
	vmx_state_put(&vcpu);
	assert_int_equal(guest.sregs.cr2, 1);
	assert_int_equal(guest.msrs.star, 2);
	assert_int_equal(guest.debug.dr6, 3);
}

/* What was changed here and not yet entered with is newer than the registers. */
static void put_overwrites_no_dirty_group(void **state)
{
	static const uint64_t groups[] = { STATE_SREGS, STATE_MSR, STATE_DEBUG };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(groups); i++) {
		guest.sregs.cr2 = guest.msrs.star = guest.debug.dr6 = 1;
		live.sregs.cr2 = live.msrs.star = live.debug.dr6 = 2;
		guest.dirty = groups[i];
		vmx_state_put(&vcpu);
		assert_int_equal(guest.sregs.cr2, groups[i] == STATE_SREGS ? 1 : 2);
		assert_int_equal(guest.msrs.star, groups[i] == STATE_MSR ? 1 : 2);
		assert_int_equal(guest.debug.dr6, groups[i] == STATE_DEBUG ? 1 : 2);
		assert_int_equal(guest.dirty, groups[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(segments_come_back_as_they_were, setup),
		cmocka_unit_test_setup(each_segment_has_its_fields, setup),
		cmocka_unit_test_setup(segment_that_is_not_present_is_unusable, setup),
		cmocka_unit_test_setup(unusable_segment_is_not_present, setup),
		cmocka_unit_test_setup(privilege_is_the_stack_segments_even_where_it_is_unusable,
				       setup),
		cmocka_unit_test_setup(descriptor_tables_come_back_as_they_were, setup),
		cmocka_unit_test_setup(table_limits_have_16_bits, setup),
		cmocka_unit_test_setup(guest_reads_the_cr0_that_it_wrote, setup),
		cmocka_unit_test_setup(real_mode_stays_real_mode, setup),
		cmocka_unit_test_setup(ts_and_mp_are_the_guests_own, setup),
		cmocka_unit_test_setup(caching_is_not_the_guests_to_turn_off, setup),
		cmocka_unit_test_setup(guest_sees_nothing_of_vmx_and_machine_checks_in_cr4, setup),
		cmocka_unit_test_setup(machine_checks_are_forced_only_where_the_host_takes_them,
				       setup),
		cmocka_unit_test_setup(cr2_cr3_and_cr8_come_back, setup),
		cmocka_unit_test_setup(entry_control_of_long_mode_follows_lma, setup),
		cmocka_unit_test_setup(entries_of_pae_paging_move_with_the_control_registers,
				       setup),
		cmocka_unit_test_setup(msrs_of_the_vmcs_come_back, setup),
		cmocka_unit_test_setup(pat_spec_ctrl_and_tsc_aux_are_not_read_back, setup),
		cmocka_unit_test_setup(debug_registers_come_back, setup),
		cmocka_unit_test_setup(debug_registers_that_are_set_leave_traps_pending, setup),
		cmocka_unit_test_setup(what_is_held_back_is_asked_for_each_time, setup),
		cmocka_unit_test_setup(tsc_offset_is_without_the_cpus_own, setup),
		cmocka_unit_test_setup(spec_ctrl_is_exchanged_where_the_guests_is_not_0, setup),
		cmocka_unit_test_setup(group_that_is_valid_already_is_not_read, setup),
		cmocka_unit_test_setup(new_vcpu_has_all_in_the_vmcs_and_all_dirty, setup),
		cmocka_unit_test_setup(load_gives_the_cpu_the_live_registers, setup),
		cmocka_unit_test_setup(put_takes_the_live_registers_back, setup),
		cmocka_unit_test_setup(put_overwrites_no_dirty_group, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
