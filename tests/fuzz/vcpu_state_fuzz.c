/* SPDX-License-Identifier: GPL-2.0-only */
/* Any image is refused, and changes nothing; or it is taken, the same comes out again, and a
 * processor takes its events. */
/* arch: x86 */
/* sources: arch/x86/vcpu_image.c arch/x86/vcpu_image_check.c */
/* sources: arch/x86/vlapic_image.c arch/x86/svm_state.c */
/* sources: arch/x86/exit_msr.c arch/x86/exit_msr_table.c arch/x86/vmce.c */
/* sources: arch/x86/vlapic.c arch/x86/vlapic_access.c arch/x86/vlapic_ipi.c */
/* sources: arch/x86/vlapic_map.c arch/x86/vlapic_timer.c arch/x86/vcpu_events.c */
/* sources: arch/x86/vmx_run.c arch/x86/vmx_event.c arch/x86/vmx_check_guest.c */
#include "tests/fuzz/vmx_entry.h"

#define WORDS (sizeof(struct vcpu_image) / sizeof(uint64_t))
#define HOLDS (PENDING_DEBUG_HITS | PENDING_DEBUG_ENABLED | PENDING_DEBUG_STEP)

/* Of input: a word of the image and how to change it. */
struct change {
	uint16_t at;
	uint8_t kind;
	uint8_t bit;
	uint64_t value;
} __attribute__((packed));

static struct vcpu_image image, before, after;

static void take(struct vcpu_image *to)
{
	fixture_run();
	vcpu_image_get(&fake_vcpu, STATE_ALL, to);
}

/* Of few words with many rules: most of what it makes breaks none or one. */
static void change_event(const struct change *how)
{
	struct vcpu_image_events *events = &image.events;
	struct vcpu_image_event *event = how->at % 2 == 0 ? &events->injected : &events->exception;
	uint64_t error = IMAGE_EVENT_HAS_ERROR | field_set(IMAGE_EVENT_ERROR, how->value >> 44);

	event->word = field_set(IMAGE_EVENT_KIND, how->bit % 4) |
		      ((how->bit & 4) != 0 ? error : 0) |
		      field_set(IMAGE_EVENT_VECTOR, how->value % 40);
	events->flags = how->value >> 8 & IMAGE_FLAGS;
	events->pending_debug = (how->bit & 8) != 0 ? how->value >> 16 & (HOLDS | BIT(13)) : 0;
	image.state.rflags ^= how->at & (RFLAGS_TF | RFLAGS_IF);
	image.state.sregs.cr0 = CR0_ET | ((how->bit & 16) != 0 ? CR0_PE : 0);
}

static void change(const struct change *how)
{
	uint64_t *word = (uint64_t *)&image + how->at % WORDS;

	switch (how->kind % 5) {
	case 0:
		*word = how->value;
		break;
	case 1:
		*word ^= BIT(how->bit % 64);
		break;
	case 3:
		change_event(how);
		break;
	case 2:
		*word = (*word & ~UINT64_C(0xffffffff)) | (uint32_t)how->value;
		break;
	default:
		*word += how->value % 256;
		break;
	}
}

static void require_same(const struct vcpu_image *a, const struct vcpu_image *b, uint64_t groups)
{
	for (unsigned i = 0; i < VCPU_IMAGE_PARTS; i++) {
		const struct vcpu_image_part *part = &vcpu_image_parts[i];

		require((part->group & groups) == 0 ||
			memcmp((const uint8_t *)a + part->offset, (const uint8_t *)b + part->offset,
			       part->size) == 0);
	}
}

/* Groups that follow others: CR8 is the TPR, the LAPIC's timer may count by the TSC. */
static uint64_t untouched(uint64_t groups)
{
	uint64_t touched = groups;

	touched |= (groups & (STATE_SREGS | STATE_TSC)) != 0 ? STATE_LAPIC : 0;
	touched |= (groups & STATE_LAPIC) != 0 ? STATE_SREGS : 0;
	return STATE_ALL & ~touched;
}

/* What the processor would fault on or refuse. */
static void require_loadable(void)
{
	const struct xsave_area *area = (const void *)fake_cpu_fpu;
	const struct vmcb_save *save = &fake_vmcb.save;

	require((area->mxcsr & ~FAKE_MXCSR) == 0 && area->xcomp_bv == 0);
	require((area->xstate_bv & ~FAKE_XCR0) == 0 && area->header_reserved[5] == 0);
	require((fake_cpu_xcr0 & XCR0_X87) != 0 && (fake_cpu_xcr0 & ~FAKE_XCR0) == 0);
	require(fake_cpu_tsc_aux <= UINT32_MAX && save->dr6 <= UINT32_MAX &&
		save->dr7 <= UINT32_MAX);
	require((save->cr0 & CR0_PG) == 0 || (save->cr0 & CR0_PE) != 0);
	require((save->efer & EFER_SVME) != 0 && save->cr0 <= UINT32_MAX);
	require(fake_vcpu.arch.mce.bank < FAKE_BANKS);
}

/* APM2 15.20 "Event Injection": what VMRUN takes. 9, 15 and those above 19 are no exceptions here.
 */
static void require_exception(const struct vcpu_event *event)
{
	require(event->kind != EVENT_EXCEPTION ||
		(event->vector <= 19 && event->vector != VECTOR_NMI && event->vector != 9 &&
		 event->vector != 15));
}

/* The guest goes on with its LAPIC. */
static void go_on(uint64_t ns)
{
	struct vlapic *vlapic = &fake_vcpu.arch.vlapic;

	fake_now += ns % BIT(40);
	if (vlapic->timer.armed && vlapic->timer.deadline <= fake_now) {
		vlapic->timer.armed = false;
		vlapic->timer.fn(&vlapic->timer);
	}
	vlapic_sync(&fake_vcpu);
	(void)vlapic_timer_current(vlapic);
	if (vlapic_pending(&fake_vcpu) >= 0) {
		vlapic_accept(&fake_vcpu, (uint8_t)vlapic_pending(&fake_vcpu));
	}
	vlapic_end(&fake_vcpu);
	require(vlapic_get(vlapic, VLAPIC_PPR) == vlapic->ppr);
}

static void set(uint64_t groups)
{
	take(&before);
	if (arch_vcpu_state_set(&fake_vcpu, groups, &image) != 0) {
		take(&after);
		require_same(&before, &after, STATE_ALL);
		return;
	}
	take(&after);
	/* This vendor's are in memory alone. */
	memset(image.state.sregs.pdptes, 0, sizeof(image.state.sregs.pdptes));
	require_same(&image, &after, groups);
	require_same(&before, &after, untouched(groups));
	require_loadable();
	require_exception(&fake_vcpu.arch.events.injected);
	require_exception(&fake_vcpu.arch.events.exception);
	vmx_entry_require();
	require(vcpu_image_faults(&fake_vcpu, STATE_ALL, &after) == 0);
}

/* Of a vendor that can hold #DB back, and of one that can not. */
static void vendor_choose(bool holds)
{
	static struct virt_ops ops;

	ops = fake_virt;
	ops.pending_debug = holds ? HOLDS : 0;
	virt = &ops;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct change how;

	vendor_choose(size % sizeof(how) != 0);
	require(fixture_make());
	take(&image);
	for (; size >= sizeof(how); size -= sizeof(how), data += sizeof(how)) {
		memcpy(&how, data, sizeof(how));
		if (how.kind < 128) {
			change(&how);
		} else {
			set(how.kind < 192 ? STATE_ALL : how.at);
			go_on(how.value);
			take(&image);
		}
	}
	set(STATE_ALL);
	fixture_drop();
	return 0;
}
