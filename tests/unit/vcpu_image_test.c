/* SPDX-License-Identifier: GPL-2.0-only */
/* A vCPU's state out of it and back: each group, what is refused, and the swap that proves it. */
/* arch: x86 */
/* sources: arch/x86/vcpu_image.c arch/x86/vcpu_image_check.c arch/x86/vcpu_swap.c */
/* sources: arch/x86/vlapic_image.c arch/x86/svm_state.c */
/* sources: arch/x86/exit_msr.c arch/x86/exit_msr_table.c arch/x86/vmce.c */
/* sources: arch/x86/vlapic.c arch/x86/vlapic_access.c arch/x86/vlapic_ipi.c */
/* sources: arch/x86/vlapic_map.c arch/x86/vlapic_timer.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/vmce.h"
#include "core/err.h"
#include "core/log.h"
#include "core/panic.h"
#include "tests/unit/image_fixture.h"

#define ROUNDS 300
#define GROUPS 9

static_assert(STATE_ALL == BIT(GROUPS) - 1, "all groups");

static struct vcpu_image one, two, was, is;
static struct vcpu *const vcpu = &fake_vcpu;
static char panic_text[200], log_text[200];

noreturn void panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(panic_text, sizeof(panic_text), format, args);
	va_end(args);
	mock_assert(0, panic_text, "panic", 0);
	abort();
}

void log(enum log_level level, const char *format, ...)
{
	va_list args;

	(void)level;
	va_start(args, format);
	vsnprintf(log_text, sizeof(log_text), format, args);
	va_end(args);
}

/* ---- states that a guest can come to have ---- */

static uint64_t seed = 88172645463325252;

static uint64_t random_word(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint64_t random_canonical(void)
{
	return (uint64_t)((int64_t)(random_word() << 16) >> 16);
}

static void random_fill(void *to, size_t size)
{
	for (size_t i = 0; i < size / sizeof(uint64_t); i++) {
		((uint64_t *)to)[i] = random_word();
	}
}

static void random_control(struct vcpu_sregs *sregs)
{
	static const struct {
		uint64_t cr0, cr4, efer;
	} modes[] = {
		{ CR0_ET, 0, 0 },
		{ CR0_ET | CR0_PE | CR0_NE, CR4_PSE, EFER_NXE },
		{ CR0_ET | CR0_PE | CR0_PG | CR0_WP, CR4_PAE, EFER_SCE },
		{ CR0_ET | CR0_PE | CR0_TS, 0, EFER_LME },
		{ CR0_ET | CR0_PE | CR0_PG | CR0_AM, CR4_PAE | CR4_PCIDE, EFER_LME | EFER_LMA },
	};
	unsigned mode = random_word() % ARRAY_SIZE(modes);

	sregs->cr0 = modes[mode].cr0;
	sregs->cr4 = modes[mode].cr4;
	sregs->efer = modes[mode].efer;
	sregs->cr2 = random_word();
	sregs->cr3 = random_word() & BITS(39, 0);
	sregs->cpl = random_word() % 4;
}

static void random_registers(struct vcpu_state *state)
{
	random_fill(state, sizeof(*state));
	state->valid = state->dirty = 0;
	state->rflags = (state->rflags & RFLAGS_ALL & ~RFLAGS_VM) | RFLAGS_RES1;
	for (unsigned i = 0; i < SEGMENT_COUNT; i++) {
		struct segment *segment = &state->sregs.segments[i];

		segment->base = i < SEGMENT_FS ? (uint32_t)random_word() : random_canonical();
		segment->attributes &= BITS(11, 0) & ~SEGMENT_DB;
	}
	state->sregs.gdtr = (struct segment){ .base = random_canonical(), .limit = 0xffff };
	state->sregs.idtr = (struct segment){ .base = random_canonical(), .limit = 0xfff };
	memset(state->sregs.reserved, 0, sizeof(state->sregs.reserved));
	memset(state->sregs.pdptes, 0, sizeof(state->sregs.pdptes)); /* AMD's */
	random_control(&state->sregs);
	state->msrs.lstar = random_canonical();
	state->msrs.cstar = random_canonical();
	state->msrs.kernel_gs_base = random_canonical();
	state->msrs.sysenter_esp = random_canonical();
	state->msrs.sysenter_eip = random_canonical();
	state->msrs.pat = UINT64_C(0x0706050401000605);
	state->msrs.tsc_aux = (uint32_t)random_word();
	state->msrs.spec_ctrl = 0;
	state->msrs.debugctl &= BITS(5, 0);
	state->debug.dr6 = (uint32_t)random_word();
	state->debug.dr7 = (uint32_t)random_word();
	state->xcr0 = BIT(random_word() % 3 + 1) - 1;
}

static void random_xsave(uint8_t *page)
{
	struct xsave_area *area = (void *)page;

	random_fill(page, PAGE_SIZE);
	area->mxcsr &= FAKE_MXCSR;
	area->xstate_bv &= FAKE_XCR0;
	area->xcomp_bv = 0;
	memset(area->header_reserved, 0, sizeof(area->header_reserved));
}

static uint64_t event_word(enum vcpu_event_kind kind, uint8_t vector, bool has_error)
{
	return field_set(IMAGE_EVENT_KIND, kind) | field_set(IMAGE_EVENT_VECTOR, vector) |
	       (has_error ? IMAGE_EVENT_HAS_ERROR |
				    field_set(IMAGE_EVENT_ERROR, (uint16_t)random_word())
			  : 0);
}

static void random_events(struct vcpu_image_events *events)
{
	memset(events, 0, sizeof(*events));
	events->flags = random_word() & IMAGE_FLAGS & ~IMAGE_DEBUG_SHADOW; /* VT-x' */
	switch (random_word() % 5) {
	case 0:
		events->injected.word = event_word(EVENT_INTERRUPT, (uint8_t)random_word(), false);
		events->exception.word = event_word(EVENT_EXCEPTION, VECTOR_GP, true);
		break;
	case 1:
		events->injected.word = event_word(EVENT_NMI, VECTOR_NMI, false);
		events->exception.word = event_word(EVENT_EXCEPTION, VECTOR_DB, false);
		events->exception.payload = (uint32_t)random_word();
		break;
	case 2:
		events->injected.word = event_word(EVENT_EXCEPTION, VECTOR_PF, true);
		events->injected.payload = random_word();
		break;
	}
}

/* One that is shown, one whose bank is cleared already, or none. */
static void random_mce(struct vcpu_image_mce *mce)
{
	unsigned kind = random_word() % 3;

	memset(mce, 0, sizeof(*mce));
	mce->mcg_status = kind == 2 ? 0 : random_word() & MCG_STATUS_ALL;
	if (kind == 0) {
		mce->status = random_word() | MC_STATUS_VALID;
		mce->address = (mce->status & MC_STATUS_ADDRV) != 0 ? random_word() : 0;
		mce->misc = (mce->status & MC_STATUS_MISCV) != 0 ? random_word() : 0;
		mce->bank = random_word() % FAKE_BANKS;
	}
}

/* As a guest leaves its LAPIC: by writes of its registers, messages, passing time. */
static unsigned done;

static void random_lapic(void)
{
	struct access access = { .vcpu = vcpu, .size = 4, .is_write = true };
	uint64_t base = VLAPIC_BASE_DEFAULT | BIT(8);

	for (unsigned i = 0; i < 40; i++) {
		access.offset = random_word() % 64 * 16;
		access.value = (uint32_t)random_word();
		done += vlapic_region(NULL, &access) == REGION_DONE;
		done += vlapic_msr_write(vcpu, MSR_X2APIC + random_word() % 64,
					 random_word() & BITS(18, 0));
		vlapic_post(vcpu, (uint8_t)random_word(), random_word() % 2 != 0);
		vlapic_sync(vcpu);
		if (vlapic_pending(vcpu) >= 0) {
			vlapic_accept(vcpu, (uint8_t)vlapic_pending(vcpu));
		}
		vlapic_tsc_deadline_write(vcpu, random_word() % 100000);
		fake_now += random_word() % 1000;
	}
	done += vlapic_base_write(vcpu, base | (random_word() % 4) << 10);
}

static void image_random(struct vcpu_image *image)
{
	random_lapic();
	vcpu_image_get(vcpu, STATE_ALL, image);
	random_registers(&image->state);
	random_xsave(image->xsave);
	random_events(&image->events);
	random_mce(&image->mce);
	image->state.sregs.cr8 = vlapic_image_cr8(&image->lapic);
}

/* ---- looking at them ---- */

static void assert_part(const struct vcpu_image *a, const struct vcpu_image *b, uint64_t groups)
{
	for (unsigned i = 0; i < VCPU_IMAGE_PARTS; i++) {
		const struct vcpu_image_part *part = &vcpu_image_parts[i];

		if ((part->group & groups) != 0) {
			assert_memory_equal((const uint8_t *)a + part->offset,
					    (const uint8_t *)b + part->offset, part->size);
		}
	}
}

static void take(struct vcpu_image *image)
{
	fixture_run();
	vcpu_image_get(vcpu, STATE_ALL, image);
}

static int setup(void **state)
{
	(void)state;
	return fixture_make() ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	fixture_drop();
	return 0;
}

/* ---- round trips ---- */

static void state_comes_back_as_it_was(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		image_random(&one);
		assert_int_equal(vcpu_image_faults(vcpu, STATE_ALL, &one), 0);
		assert_int_equal(arch_vcpu_state_set(vcpu, STATE_ALL, &one), 0);
		take(&is);
		assert_part(&one, &is, STATE_ALL);
	}
}

/* What other groups follow from it: CR8 is the TPR, the timer may count by the TSC. */
static uint64_t coupled(uint64_t group)
{
	return group == STATE_LAPIC                       ? STATE_SREGS
	       : (group & (STATE_SREGS | STATE_TSC)) != 0 ? STATE_LAPIC
							  : 0;
}

/* In real mode, so that any RFLAGS and any control registers go with the others. */
static void state_groups_are_set_alone(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t group = BIT(i % GROUPS);

		image_random(&one);
		image_random(&two);
		one.state.rflags &= ~RFLAGS_VM;
		assert_int_equal(arch_vcpu_state_set(vcpu, STATE_ALL, &one), 0);
		assert_int_equal(arch_vcpu_state_set(vcpu, group, &two), 0);
		take(&is);
		assert_part(&two, &is, group);
		assert_part(&one, &is, STATE_ALL & ~group & ~coupled(group));
		if (group == STATE_SREGS) {
			assert_int_equal(vlapic_cr8_read(vcpu), two.state.sregs.cr8);
		}
	}
}

static void state_get_has_only_what_was_asked_for(void **state)
{
	static const struct vcpu_image zero;

	(void)state;
	image_random(&one);
	assert_int_equal(arch_vcpu_state_set(vcpu, STATE_ALL, &one), 0);
	for (unsigned i = 0; i < GROUPS; i++) {
		vcpu_image_get(vcpu, BIT(i), &is);
		assert_int_equal(is.groups, BIT(i));
		assert_part(&one, &is, BIT(i));
		assert_part(&zero, &is, STATE_ALL & ~BIT(i));
	}
}

static void state_get_takes_what_the_cpu_holds(void **state)
{
	(void)state;
	fake_state.debug.dr7 = 1;
	svm_state_set(vcpu, STATE_DEBUG);
	exit_dr_load(vcpu);
	fake_cpu_dr[2] = 0x1234;
	fake_cpu_fpu[700] = 0x56;
	fake_vmcb.save.kernel_gs_base = 0x789;
	take(&is);
	assert_int_equal(is.state.debug.dr[2], 0x1234);
	assert_int_equal(is.xsave[700], 0x56);
	assert_int_equal(is.state.msrs.kernel_gs_base, 0x789);
	assert_true(vcpu->arch.debug_live);
	assert_int_equal(fake_cpu_dr[2], 0x1234);
	assert_int_equal(fake_cpu_xcr0, XCR0_X87);
}

static void state_set_gives_the_cpu_what_it_holds(void **state)
{
	(void)state;
	image_random(&one);
	one.state.debug.dr7 = 0x401;
	one.state.xcr0 = FAKE_XCR0;
	assert_int_equal(arch_vcpu_state_set(vcpu, STATE_ALL, &one), 0);
	assert_memory_equal(fake_cpu_dr, one.state.debug.dr, sizeof(fake_cpu_dr));
	assert_memory_equal(fake_cpu_fpu, one.xsave, PAGE_SIZE);
	assert_int_equal(fake_cpu_xcr0, FAKE_XCR0);
	assert_int_equal(fake_cpu_cr2, one.state.sregs.cr2);
	assert_int_equal(fake_cpu_tsc_aux, one.state.msrs.tsc_aux);
	assert_int_equal(fake_vmcb.control.tsc_offset, one.state.tsc.offset);
	assert_true(vcpu->arch.flush);
	assert_int_equal(fake_state.dirty, 0);
}

/* What is not in an image: summaries, the route, whose EOI is told, the host's timer. */
static void lapic_set_makes_the_rest_anew(void **state)
{
	struct access svr = { .vcpu = vcpu, .offset = VLAPIC_SVR, .size = 4, .is_write = true };
	struct vlapic *vlapic = &vcpu->arch.vlapic;

	(void)state;
	svr.value = 0x1ff;
	assert_int_equal(vlapic_region(NULL, &svr), REGION_DONE);
	vlapic_post(vcpu, 0x51, true);
	vlapic_post(vcpu, 0x92, false);
	vlapic_sync(vcpu);
	vlapic_accept(vcpu, 0x92);
	vlapic_timer_divide_write(vlapic, 0xb);
	vlapic_timer_lvt_write(vlapic, 0x20030);
	vlapic_timer_initial_write(vlapic, 50000);
	take(&one);
	vlapic_reset(vcpu, false);
	assert_int_equal(arch_vcpu_state_set(vcpu, STATE_LAPIC, &one), 0);
	assert_true((vlapic->route & VLAPIC_ROUTE_ACCEPTS) != 0);
	assert_int_equal(vlapic->irr_words, BIT(0x51 / 32));
	assert_int_equal(vlapic->isr_words, BIT(0x92 / 32));
	assert_true(bitmap_test(vlapic->eoi_notify, 0x51));
	assert_int_equal(vlapic_pending(vcpu), -1);
	vlapic_end(vcpu);
	assert_int_equal(vlapic_pending(vcpu), 0x51);
	assert_int_equal(vlapic->timer_period_ns, 50000);
	assert_true(vlapic->timer.armed);
	assert_int_equal(vlapic->timer.deadline, fake_now + 50000);
}

/* ---- what is refused ---- */

#define AT(member, word) offsetof(struct vcpu_image, member), (word)

static const struct {
	size_t at; /* of a 64-bit word, that is changed to: */
	uint64_t value;
	uint64_t group;
} bad[] = {
	{ AT(version, VCPU_IMAGE_VERSION + 1), 0 },
	{ AT(state.rflags, 0), STATE_GPR },
	{ AT(state.rflags, RFLAGS_RES1 | BIT(3)), STATE_GPR },
	{ AT(state.rflags, RFLAGS_RES1 | BIT(22)), STATE_GPR },
	{ AT(state.rflags, RFLAGS_RES1 | RFLAGS_VM), STATE_GPR },
	{ AT(state.sregs.cr0, CR0_ET | CR0_PG), STATE_SREGS },
	{ AT(state.sregs.cr0, CR0_ET | CR0_PE), STATE_SREGS }, /* LMA without paging */
	{ AT(state.sregs.cr0, CR0_ET | CR0_PE | CR0_PG | CR0_CD), STATE_SREGS },
	{ AT(state.sregs.cr0, CR0_PE | CR0_PG), STATE_SREGS },
	{ AT(state.sregs.cr0, CR0_ET | CR0_PE | CR0_PG | BIT(40)), STATE_SREGS },
	{ AT(state.sregs.cr3, BIT(40)), STATE_SREGS },
	{ AT(state.sregs.cr4, CR4_PAE | CR4_VMXE), STATE_SREGS },
	{ AT(state.sregs.cr4, 0), STATE_SREGS },
	{ AT(state.sregs.cr8, 16), STATE_SREGS },
	{ AT(state.sregs.cr8, 5), STATE_LAPIC }, /* the TPR says otherwise */
	{ AT(state.sregs.efer, EFER_LME | EFER_LMA | EFER_SVME), STATE_SREGS },
	{ AT(state.sregs.efer, EFER_LME), STATE_SREGS },
	{ AT(state.sregs.cpl, 4), STATE_SREGS },
	{ AT(state.sregs.pdptes[3], 0x1000), STATE_SREGS }, /* in 64-bit mode */
	{ AT(state.sregs.segments[SEGMENT_CS].base, BIT(32)), STATE_SREGS },
	{ AT(state.sregs.segments[SEGMENT_GS].base, BIT(47)), STATE_SREGS },
	{ AT(state.sregs.segments[SEGMENT_TR].base, BIT(63)), STATE_SREGS },
	{ AT(state.sregs.segments[SEGMENT_SS].limit, UINT64_C(0x1000) << 48), STATE_SREGS },
	{ AT(state.sregs.segments[SEGMENT_CS].limit, (SEGMENT_L | SEGMENT_DB) << 48), STATE_SREGS },
	{ AT(state.sregs.gdtr.base, BIT(47)), STATE_SREGS },
	{ AT(state.sregs.idtr.limit, 0x10000), STATE_SREGS },
	{ AT(state.msrs.lstar, BIT(47)), STATE_MSR },
	{ AT(state.msrs.cstar, BIT(48)), STATE_MSR },
	{ AT(state.msrs.kernel_gs_base, BIT(63)), STATE_MSR },
	{ AT(state.msrs.sysenter_esp, BIT(47)), STATE_MSR },
	{ AT(state.msrs.sysenter_eip, BIT(47)), STATE_MSR },
	{ AT(state.msrs.pat, 2), STATE_MSR },
	{ AT(state.msrs.tsc_aux, BIT(32)), STATE_MSR },
	{ AT(state.msrs.spec_ctrl, 1), STATE_MSR },
	{ AT(state.msrs.debugctl, BIT(6)), STATE_MSR },
	{ AT(state.debug.dr6, BIT(32)), STATE_DEBUG },
	{ AT(state.debug.dr7, BIT(63)), STATE_DEBUG },
	{ AT(state.xcr0, 0), STATE_XSAVE },
	{ AT(state.xcr0, XCR0_X87 | XCR0_AVX), STATE_XSAVE },
	{ AT(state.xcr0, XCR0_X87 | XCR0_PKRU), STATE_XSAVE },
	{ AT(xsave[24], BIT(16)), STATE_XSAVE },
	{ AT(xsave[512], XCR0_PKRU), STATE_XSAVE },
	{ AT(xsave[520], BIT(63)), STATE_XSAVE },
	{ AT(xsave[568], 1), STATE_XSAVE },
	{ AT(events.flags, BIT(7)), STATE_EVENTS },
	{ AT(events.flags, IMAGE_DEBUG_SHADOW | IMAGE_INTERRUPT_SHADOW), STATE_EVENTS },
	{ AT(events.pending_debug, PENDING_DEBUG_ENABLED | 1), STATE_EVENTS },
	{ AT(events.exception.word, field_set(IMAGE_EVENT_KIND, EVENT_INTERRUPT)), STATE_EVENTS },
	{ AT(events.injected.word, field_set(IMAGE_EVENT_KIND, EVENT_SOFT_INTERRUPT)),
	  STATE_EVENTS },
	{ AT(events.injected.word, field_set(IMAGE_EVENT_KIND, 7)), STATE_EVENTS },
	{ AT(events.injected.word, BIT(12)), STATE_EVENTS },
	{ AT(events.injected.word, 0xe), STATE_EVENTS }, /* a vector of nothing */
	{ AT(events.injected.word, field_set(IMAGE_EVENT_KIND, EVENT_NMI) | 3), STATE_EVENTS },
	{ AT(events.injected.word, field_set(IMAGE_EVENT_KIND, EVENT_EXCEPTION) | 2),
	  STATE_EVENTS },
	{ AT(events.injected.word, field_set(IMAGE_EVENT_KIND, EVENT_EXCEPTION) | 32),
	  STATE_EVENTS },
	{ AT(events.injected.word, field_set(IMAGE_EVENT_KIND, EVENT_EXCEPTION) | 14 | BIT(32)),
	  STATE_EVENTS },
	{ AT(events.injected.payload, 1), STATE_EVENTS },
	{ AT(lapic.base_msr, VLAPIC_BASE_DEFAULT | APIC_BASE_ENABLE), STATE_LAPIC }, /* no BSP */
	{ AT(lapic.base_msr, 0xfec00000 | APIC_BASE_ENABLE | BIT(8)), STATE_LAPIC },
	{ AT(lapic.base_msr, VLAPIC_BASE_DEFAULT | APIC_BASE_X2APIC | BIT(8)), STATE_LAPIC },
	{ AT(lapic.apic_id, 1), STATE_LAPIC },
	{ AT(lapic.apic_id, BIT(32)), STATE_LAPIC }, /* esr_errors */
	{ AT(lapic.tsc_deadline, 1), STATE_LAPIC },
	{ AT(lapic.timer_next, 1), STATE_LAPIC },
	{ AT(lapic.registers[VLAPIC_ID / 4], BIT(24)), STATE_LAPIC },
	{ AT(lapic.registers[VLAPIC_VERSION / 4], 0), STATE_LAPIC },
	{ AT(lapic.registers[VLAPIC_TPR / 4], 0x100), STATE_LAPIC },
	{ AT(lapic.registers[VLAPIC_PPR / 4], 0x10), STATE_LAPIC },
	{ AT(lapic.registers[VLAPIC_EOI / 4], 1), STATE_LAPIC },
	{ AT(lapic.registers[VLAPIC_LDR / 4], 1), STATE_LAPIC },
	{ AT(lapic.registers[VLAPIC_DFR / 4], 0), STATE_LAPIC },
	{ AT(lapic.registers[VLAPIC_SVR / 4], BIT(12)), STATE_LAPIC },
	{ AT(lapic.registers[VLAPIC_IRR / 4], BIT(15)), STATE_LAPIC },
	{ AT(lapic.registers[VLAPIC_ISR / 4], BIT(16)), STATE_LAPIC }, /* and PPR 0 */
	{ AT(lapic.registers[VLAPIC_ESR / 4], 1), STATE_LAPIC },
	{ AT(lapic.registers[VLAPIC_ICR / 4], BIT(12)), STATE_LAPIC },
	{ AT(lapic.registers[VLAPIC_LVT_ERROR / 4], 0x30), STATE_LAPIC }, /* not masked, but off */
	{ AT(lapic.registers[VLAPIC_LVT_TIMER / 4], BIT(16) | BIT(12)), STATE_LAPIC },
	{ AT(lapic.registers[VLAPIC_DIVIDE / 4], 4), STATE_LAPIC },
	{ AT(lapic.registers[VLAPIC_SELF_IPI / 4], 1), STATE_LAPIC },
	{ AT(lapic.registers[VLAPIC_ID / 4 + 2], 1), STATE_LAPIC }, /* between registers */
	{ AT(mce.mcg_status, BIT(3)), STATE_MCE },
	{ AT(mce.status, MC_STATUS_UC), STATE_MCE },
	{ AT(mce.address, 1), STATE_MCE }, /* of no bank */
	{ AT(mce.misc, 1), STATE_MCE },
	{ AT(mce.bank, 1), STATE_MCE },
};

/* After reset, but in 64-bit mode, with nothing pending. */
static void image_plain(struct vcpu_image *image)
{
	take(image);
	image->state.sregs.cr0 = CR0_ET | CR0_PE | CR0_PG;
	image->state.sregs.cr4 = CR4_PAE;
	image->state.sregs.efer = EFER_LME | EFER_LMA;
}

static void state_set_refuses_and_changes_nothing(void **state)
{
	(void)state;
	image_plain(&one);
	assert_int_equal(arch_vcpu_state_set(vcpu, STATE_ALL, &one), 0);
	take(&was);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		uint64_t faults;

		memcpy(&two, &one, sizeof(two));
		random_fill(two.state.gpr, sizeof(two.state.gpr));
		memcpy((uint8_t *)&two + bad[i].at, &bad[i].value, sizeof(uint64_t));
		faults = vcpu_image_faults(vcpu, STATE_ALL, &two);
		if (bad[i].group == 0 ? faults != UINT64_MAX : (faults & bad[i].group) == 0) {
			fail_msg("row %u: faults %#llx", i, (unsigned long long)faults);
		}
		assert_int_equal(arch_vcpu_state_set(vcpu, STATE_ALL, &two), -E_INVAL);
		take(&is);
		assert_part(&was, &is, STATE_ALL);
	}
}

static void state_set_refuses_groups_that_are_not_there(void **state)
{
	(void)state;
	take(&one);
	assert_int_equal(arch_vcpu_state_set(vcpu, BIT(GROUPS), &one), -E_INVAL);
	one.groups = STATE_ALL & ~STATE_MSR;
	assert_int_equal(arch_vcpu_state_set(vcpu, STATE_ALL, &one), -E_INVAL);
	assert_int_equal(arch_vcpu_state_set(vcpu, STATE_ALL & ~STATE_MSR, &one), 0);
}

static void state_set_looks_at_the_groups_that_stay(void **state)
{
	(void)state;
	image_plain(&one);
	assert_int_equal(arch_vcpu_state_set(vcpu, STATE_ALL, &one), 0);
	one.state.rflags |= RFLAGS_VM;
	assert_int_equal(arch_vcpu_state_set(vcpu, STATE_GPR, &one), -E_INVAL);
}

/* ---- the swap ---- */

static void swap_keeps_any_state(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		image_random(&one);
		assert_int_equal(arch_vcpu_state_set(vcpu, STATE_ALL, &one), 0);
		fixture_run();
		vcpu_swap(vcpu);
		take(&is);
		assert_part(&one, &is, STATE_ALL);
	}
	assert_string_equal(log_text, "swap: vCPUs were taken apart and put together 256 times");
}

static void swap_keeps_what_others_post(void **state)
{
	struct mce_record record = { .status = MC_STATUS_VALID, .bank = 3 };

	(void)state;
	vlapic_post(vcpu, 0x77, false);
	vmce_give(vcpu, &record);
	atomic_or(&vcpu->arch.requests, REQUEST_NMI);
	vcpu_swap(vcpu);
	assert_true(vlapic_has_posted(vcpu));
	assert_int_equal(vcpu->arch.vlapic.post.vectors[1], BIT(0x77 - 64));
	assert_int_equal(vcpu->arch.requests, REQUEST_NMI | REQUEST_MCE);
	assert_true(vcpu->arch.mce_is_posted);
	assert_memory_equal(&vcpu->arch.mce_posted, &record, sizeof(record));
}

static void swap_empties_what_is_no_state(void **state)
{
	(void)state;
	memset(&vcpu->arch.insn_cache, 1, sizeof(vcpu->arch.insn_cache));
	memset(&vcpu->arch.port_region, 1, sizeof(vcpu->arch.port_region));
	vcpu_swap(vcpu);
	assert_int_equal(vcpu->arch.insn_cache.entries[0].size, 0);
	assert_int_equal(vcpu->arch.port_region.region.size, 0);
}

/* A vendor that forgets something on the way back; and one on the way out, whose image is then not
 * what it was. */
static void state_set_without_debug(struct vcpu *of, uint64_t groups)
{
	svm_state_set(of, groups & ~STATE_DEBUG);
	fake_state.valid &= ~STATE_DEBUG;
}

static void swap_panics_where_something_is_lost(void **state)
{
	struct virt_ops forgetful = fake_virt;

	(void)state;
	forgetful.state_set = state_set_without_debug;
	virt = &forgetful;
	expect_assert_failure(vcpu_swap(vcpu));
	free(fake_pages);
	virt = &fake_virt;
	assert_non_null(strstr(panic_text, "swap: vCPU 0: debug differs at byte 0x20"));
}

static void swap_panics_where_its_own_image_would_be_refused(void **state)
{
	(void)state;
	vlapic_put(&vcpu->arch.vlapic, VLAPIC_PPR, 0x20);
	expect_assert_failure(vcpu_swap(vcpu));
	free(fake_pages);
	assert_string_equal(panic_text, "swap: vCPU 0: groups 0x40 would be refused");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(state_comes_back_as_it_was),
		TEST(state_groups_are_set_alone),
		TEST(state_get_has_only_what_was_asked_for),
		TEST(state_get_takes_what_the_cpu_holds),
		TEST(state_set_gives_the_cpu_what_it_holds),
		TEST(lapic_set_makes_the_rest_anew),
		TEST(state_set_refuses_and_changes_nothing),
		TEST(state_set_refuses_groups_that_are_not_there),
		TEST(state_set_looks_at_the_groups_that_stay),
		TEST(swap_keeps_any_state),
		TEST(swap_keeps_what_others_post),
		TEST(swap_empties_what_is_no_state),
		TEST(swap_panics_where_something_is_lost),
		TEST(swap_panics_where_its_own_image_would_be_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
