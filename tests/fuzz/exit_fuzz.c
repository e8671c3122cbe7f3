/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The handlers of exits as a guest's instruction meets them: ports and strings, device memory,
 * control registers, MSRs, hypercalls. Page tables, code, registers and modes are the input's.
 */
/* arch: x86 */
/* sources: arch/x86/exit_io.c arch/x86/exit_mmio.c arch/x86/exit_cr.c arch/x86/exit_msr.c */
/* sources: arch/x86/exit_msr_table.c arch/x86/operand.c arch/x86/insn.c arch/x86/insn_table.c */
/* sources: arch/x86/insn_table_0f.c arch/x86/insn_alu.c arch/x86/guest_walk.c */
/* sources: arch/x86/guest_linear.c arch/x86/insn_fetch.c arch/x86/x86_exit.c */
/* sources: arch/x86/vcpu_skip.c arch/x86/vcpu_events.c arch/x86/vlapic.c */
/* sources: arch/x86/vlapic_access.c arch/x86/vlapic_ipi.c arch/x86/vlapic_map.c */
/* sources: arch/x86/vlapic_timer.c core/region.c core/hypercall.c */
#include <stdlib.h>
#include <string.h>

#include "arch/cpuid.h"
#include "arch/exit_msr.h"
#include "arch/insn.h"
#include "arch/mtrr.h"
#include "arch/tsc.h"
#include "arch/vcpu_regs.h"
#include "arch/vlapic_regs.h"
#include "arch/x86_exit.h"
#include "core/arch.h"
#include "core/control.h"
#include "core/cpu.h"
#include "core/epoch.h"
#include "core/err.h"
#include "core/hypercall.h"
#include "core/vm.h"
#include "mm/frame.h"
#include "mm/guest_mem.h"
#include "mm/page_alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Guest physical: RAM with four levels of tables at 1000h to 4fff, code, data; devices; nobody. */
#define RAM_SIZE   UINT64_C(0x10000)
#define TABLES     UINT64_C(0x1000)
#define CODE       UINT64_C(0x8ff0)
#define DEVICE     UINT64_C(0x20000)
#define DEVICES    2
#define APIC_PAGE  256 /* linear page number of the local APIC's */
#define PORT       0x3f8
#define PORT_COUNT 8
#define STEP_SIZE  40

static uint8_t ram[RAM_SIZE] __attribute__((aligned(4096)));
static struct vm vm;
static struct vcpu vcpu;
static struct vcpu *vcpus[1] = { &vcpu };
static struct vcpu_state state;
static struct cpuid_table answers;
static struct cpu cpu;
static uint64_t now;

/* What the table has is the input's choice. */
static bool paging_load(struct vcpu *vcpu, struct vcpu_sregs *sregs)
{
	(void)vcpu;
	sregs->pdptes[0] = sregs->cr3 | PDPTE_PRESENT;
	return (sregs->cr3 & PAGE_SIZE) == 0;
}

static const struct virt_ops ops = { .paging_load = paging_load };
const struct virt_ops *virt = &ops;

static void require(bool condition)
{
	if (!condition) {
		__builtin_trap();
	}
}

/* ---- memory ---- */

static bool is_ram(uint64_t at, size_t size)
{
	return at <= RAM_SIZE && size <= RAM_SIZE - at;
}

int guest_mem_read(struct stage2 *stage2, gpa_t from, void *to, size_t size)
{
	require(stage2 == &vm.stage2[0]);
	if (!is_ram(from.value, size)) {
		return -E_RANGE;
	}
	memcpy(to, ram + from.value, size);
	return 0;
}

int guest_mem_write(struct stage2 *stage2, gpa_t to, const void *from, size_t size)
{
	require(stage2 == &vm.stage2[0]);
	if (!is_ram(to.value, size)) {
		return -E_RANGE;
	}
	memcpy(ram + to.value, from, size);
	return 0;
}

int guest_mem_compare_exchange(struct stage2 *stage2, gpa_t at, uint64_t *expected, uint64_t value)
{
	uint64_t old;
	int err = guest_mem_read(stage2, at, &old, sizeof(old));

	if (err != 0) {
		return err;
	}
	if (old != *expected) {
		*expected = old;
		return -E_BUSY;
	}
	return guest_mem_write(stage2, at, &value, sizeof(value));
}

int stage2_lookup(struct stage2 *stage2, gpa_t address, struct pt_leaf *leaf)
{
	require(stage2 == &vm.stage2[0]);
	leaf->start = align_down(address.value, PAGE_SIZE);
	leaf->address = hpa(leaf->start);
	return is_ram(leaf->start, PAGE_SIZE) ? 0 : -E_NOENT;
}

struct frame *frame_find(hpa_t address)
{
	return address.value < RAM_SIZE ? (struct frame *)(void *)ram : NULL;
}

void window_word_take(struct window_word *word, hpa_t address)
{
	word->entry = align_down(address.value, PAGE_SIZE);
	word->offset = (uint32_t)(align_down(address.value, 8) - word->entry);
	memcpy(&word->value, ram + word->entry + word->offset, sizeof(word->value));
}

bool window_words_are_same(const struct window_word *words, unsigned count)
{
	require(count <= INSN_FETCH_WORDS);
	for (unsigned i = 0; i < count; i++) {
		if (memcmp(ram + words[i].entry + words[i].offset, &words[i].value, 8) != 0) {
			return false;
		}
	}
	return true;
}

/* ---- devices ---- */

static bool comes_again; /* an access of this exit is to */

static enum region_result device(void *context, struct access *access)
{
	const uint64_t *size = context;

	require(access->vcpu == &vcpu && access->offset < *size);
	require(access->size == 1 || access->size == 2 || access->size == 4 || access->size == 8);
	require(access->size <= *size - access->offset);
	require(!access->is_write || access->size == 8 || access->value >> access->size * 8 == 0);
	access->value =
		access->is_write ? access->value : 0x8182838485868788 >> (64 - access->size * 8);
	if (access->offset % 16 == 6) {
		comes_again = true;
		return REGION_AGAIN;
	}
	return (enum region_result)(access->offset % 2);
}

static void add_devices(void)
{
	static uint64_t sizes[] = { 0x1000, 0x10, PORT_COUNT };
	const struct region memory[] = { { DEVICE, sizes[0], device, &sizes[0], "page" },
					 { DEVICE + 0x1ff8, sizes[1], device, &sizes[1], "end" },
					 { VLAPIC_BASE_DEFAULT, PAGE_SIZE, vlapic_region, NULL,
					   "lapic" } };
	const struct region port = { PORT, PORT_COUNT, device, &sizes[2], "ports" };

	for (size_t i = 0; i < ARRAY_SIZE(memory); i++) {
		require(region_add(&vm.memory_regions, &memory[i]) == 0);
	}
	require(region_add(&vm.port_regions, &port) == 0);
}

bool vmce_read(struct vcpu *owner, uint32_t msr, uint64_t *value)
{
	(void)owner, (void)msr, (void)value;
	return false;
}

bool vmce_write(struct vcpu *owner, uint32_t msr, uint64_t value)
{
	(void)owner, (void)msr, (void)value;
	return false;
}

int control_mmio_access(struct vm *of, struct access *access)
{
	(void)of, (void)access;
	require(false); /* it is no control guest */
	return -E_PERM;
}

/* ---- what else they stand on ---- */

uint64_t arch_time_now(void)
{
	return ++now;
}

uint64_t tsc_read(void)
{
	return now * 3;
}

uint64_t tsc_ticks_to_ns(uint64_t ticks)
{
	return ticks / 3;
}

uint64_t tsc_to_ns(uint64_t ticks)
{
	return ticks / 3;
}

struct cpu *arch_cpu_self(void)
{
	return &cpu;
}

struct cpu *cpu_get(uint32_t index)
{
	(void)index;
	return arch_cpu_self();
}

void lapic_send_ipi(uint32_t apic_id, uint8_t vector)
{
	(void)apic_id, (void)vector;
}

void sched_notify(struct vcpu *of)
{
	(void)of;
}

void *page_alloc(enum page_use use, unsigned order)
{
	(void)use;
	return calloc(1, PAGE_SIZE << order);
}

void page_free(void *pages, enum page_use use, unsigned order)
{
	(void)use, (void)order;
	free(pages);
}

void epoch_defer(struct epoch_call *call, void (*fn)(struct epoch_call *call))
{
	fn(call);
}

void timer_init(struct timer *timer, void (*fn)(struct timer *timer))
{
	timer->fn = fn;
}

void timer_arm(struct timer *timer, uint64_t deadline)
{
	timer->armed = true;
	timer->deadline = deadline;
}

void timer_cancel(struct timer *timer)
{
	timer->armed = false;
}

bool timer_is_armed(const struct timer *timer)
{
	return timer->armed;
}

void timer_move_here(struct timer *timer)
{
	(void)timer;
}

bool mtrr_get(uint32_t msr, uint64_t *value)
{
	*value = msr;
	return true;
}

uint32_t cpuid_get(const struct cpuid_table *table, uint32_t leaf, enum cpuid_register reg)
{
	require(table == &answers);
	return leaf == 7 && reg == CPUID_EDX ? 0x84000000 : leaf;
}

void vm_stop(struct vm *of, enum vm_stop_reason reason, const char *format, ...)
{
	(void)format;
	of->stop_reason = reason;
}

bool x86_exit_resume(const struct vcpu *of)
{
	return of->vm->stop_reason == VM_STOP_NONE;
}

/* Exits that execute what only a kernel may. */
#define NOT_HERE(name)                                     \
	bool name(struct vcpu *of, struct vcpu_exit *exit) \
	{                                                  \
		(void)of, (void)exit;                      \
		return true;                               \
	}
NOT_HERE(exit_cpuid)
NOT_HERE(exit_dr_access)
NOT_HERE(exit_xsetbv)
NOT_HERE(exit_wbinvd)
NOT_HERE(exit_exception)
NOT_HERE(exit_rdpmc)
NOT_HERE(exit_task_switch)
NOT_HERE(exit_undefined)
NOT_HERE(exit_ignore)

/* ---- a guest ---- */

static void set_word(uint64_t at, uint64_t value)
{
	memcpy(ram + at, &value, sizeof(value));
}

static void start(void)
{
	memset(ram, 0, sizeof(ram));
	memset(&vm, 0, sizeof(vm));
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&state, 0, sizeof(state));
	for (unsigned level = 0; level < 3; level++) {
		set_word(TABLES + level * PAGE_SIZE, (TABLES + (level + 1) * PAGE_SIZE) | 7);
	}
	for (uint64_t page = 0; page < 512; page++) {
		uint64_t to = page == APIC_PAGE ? VLAPIC_BASE_DEFAULT : page * PAGE_SIZE;

		set_word(TABLES + 3 * PAGE_SIZE + page * 8, to | 7);
	}
	answers.cr4 = CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP | CR4_SMAP | CR4_PCIDE;
	answers.efer = EFER_SCE | EFER_LME | EFER_NXE;
	answers.physical_bits = 40;
	vm.arch.cpuid = &answers;
	vm.vcpu_count = 1;
	vm.vcpus = vcpus;
	vcpu.vm = &vm;
	vcpu.arch.state = &state;
	require(vlapic_init(&vcpu, 0) == 0);
	add_devices();
	state.rip = CODE;
	state.rflags = RFLAGS_RES1;
	state.sregs.cr0 = CR0_PE | CR0_PG | CR0_ET;
	state.sregs.cr3 = TABLES;
	state.sregs.cr4 = CR4_PAE;
	state.sregs.efer = EFER_LME | EFER_LMA;
	for (unsigned i = 0; i < SEGMENT_COUNT; i++) {
		state.sregs.segments[i].limit = UINT32_MAX;
		state.sregs.segments[i].attributes = 0xc93;
	}
	state.sregs.segments[SEGMENT_CS].attributes = 0xa9b;
}

/* ---- steps: 8 bytes that choose, 16 of code, two words ---- */

struct step {
	uint8_t kind, a, b, c;
	uint32_t number;
	uint8_t code[16];
	uint64_t words[2];
};
static_assert(sizeof(struct step) == STEP_SIZE, "a step");

static void change(const struct step *step)
{
	struct segment *segment = &state.sregs.segments[step->a % SEGMENT_COUNT];

	switch (step->b % 8) {
	case 0: /* code in any mode */
		state.sregs.segments[SEGMENT_CS].attributes = step->c % 2 == 0 ? 0xa9b : 0xc9b;
		state.sregs.efer ^= step->c % 4 == 3 ? EFER_LMA : 0;
		break;
	case 1:
		state.sregs.cr0 ^= step->words[0] & (CR0_PE | CR0_PG | CR0_WP);
		break;
	case 2:
		state.sregs.cpl = step->c % 4;
		state.rflags = (step->words[0] & BITS(21, 0)) | RFLAGS_RES1;
		break;
	case 3:
		*segment = (struct segment){ step->words[0], step->number, step->c,
					     (uint16_t)step->words[1] };
		break;
	case 4: /* a table's entry */
		set_word(TABLES + (step->number & 0x3ff8), step->words[0]);
		break;
	case 5:
		state.sregs.cr4 = step->words[0];
		break;
	case 6:
		state.sregs.cr3 = step->words[0] & BITS(51, 0);
		break;
	default:
		state.rip = step->words[0];
		break;
	}
}

static void set_registers(const struct step *step)
{
	uint64_t at[4] = { DEVICE + step->number % 0x3000, step->number % RAM_SIZE,
			   APIC_PAGE * PAGE_SIZE + step->number % PAGE_SIZE, step->words[0] };

	for (unsigned i = 0; i < GPR_COUNT; i++) {
		state.gpr[i] =
			(step->c >> (i % 4) & 1) != 0 ? at[step->c >> 6] : step->words[i % 2];
	}
}

/* The code lies where RIP is, if that is near; stage-2's fault is wherever the input says. */
static void fill_exit(const struct step *step, struct vcpu_exit *exit)
{
	if (state.rip < RAM_SIZE - sizeof(step->code)) {
		memcpy(ram + state.rip, step->code, sizeof(step->code));
	}
	vcpu.arch.insn_size = 0;
	vcpu.arch.insn_cause = step->kind;
	vcpu.arch.insn_cr3 = state.sregs.cr3;
	vcpu.arch.insn_is_64_bit = vcpu_regs_is_long(&state.sregs);
	vcpu.arch.fetched.count = step->b % 16;
	memcpy(vcpu.arch.fetched.bytes, step->code, sizeof(vcpu.arch.fetched.bytes));
	memset(exit, 0xee, sizeof(*exit));
}

static void exit_memory(const struct step *step)
{
	struct vcpu_exit exit;

	fill_exit(step, &exit);
	exit.kind = EXIT_STAGE2;
	exit.stage2 = (struct exit_stage2){
		.address = gpa((step->a & 1) != 0 ? VLAPIC_BASE_DEFAULT + step->number % PAGE_SIZE
						  : DEVICE + step->number % 0x3000),
		.is_write = (step->a & 2) != 0,
		.is_fetch = (step->a & 0x1c) == 0x1c,
		.is_walk = (step->a & 0xe0) == 0xe0,
	};
	(void)arch_exit_handle(&vcpu, &exit);
}

static void exit_ports(const struct step *step)
{
	struct vcpu_exit exit;

	fill_exit(step, &exit);
	exit.kind = EXIT_PORT;
	exit.port.access.address = (step->a & 1) != 0 ? (uint16_t)step->number
						      : (uint16_t)(PORT - 3 + step->number % 12);
	exit.port.access.size = (uint8_t)(1U << (step->a >> 1) % 3);
	exit.port.access.is_write = (step->a & 8) != 0;
	exit.port.is_string = (step->a & 16) != 0;
	vcpu.arch.insn_size = exit.port.is_string ? 0 : 1;
	(void)arch_exit_handle(&vcpu, &exit);
}

static void exit_control(const struct step *step)
{
	static const uint8_t numbers[] = { 0, 4, 8 };
	struct vcpu_exit exit;

	fill_exit(step, &exit);
	exit.kind = EXIT_ARCH;
	exit.arch_code = X86_EXIT_CR_WRITE;
	exit.control.number = numbers[step->a % 3];
	exit.control.reg = step->a / 4 % 16;
	exit.control.is_decoded = (step->a & 64) != 0;
	(void)arch_exit_handle(&vcpu, &exit);
}

/* What would be the machine's own register, or a command to it, only a kernel can do. */
static bool is_machines(uint32_t msr, bool is_write)
{
	const struct msr_policy *policy = exit_msr_find(msr);

	if (is_write) {
		return msr == MSR_PRED_CMD || msr == MSR_FLUSH_CMD || msr == MSR_TSC_AUX;
	}
	return policy != NULL && policy->read == MSR_READ_REAL;
}

static void exit_msr(const struct step *step)
{
	const struct msr_policy *row = &exit_msr_table[step->b % exit_msr_count];
	bool is_write = (step->a & 1) != 0;
	struct vcpu_exit exit;

	fill_exit(step, &exit);
	exit.kind = EXIT_ARCH;
	exit.arch_code = is_write ? X86_EXIT_WRMSR : X86_EXIT_RDMSR;
	state.gpr[GPR_RCX] = (step->a & 2) != 0 ? step->number : row->first + step->number % 256;
	vcpu.arch.insn_size = 2;
	if (!is_machines((uint32_t)state.gpr[GPR_RCX], is_write)) {
		(void)arch_exit_handle(&vcpu, &exit);
	}
}

static void hypercall(const struct step *step)
{
	uint64_t number = (step->a & 1) != 0 ? step->words[0] : step->number % 16;

	(void)hypercall_handle(&vcpu, number, state.gpr);
}

/* What always holds: events are deliverable, and an instruction's end is near its start. */
static void check(uint64_t rip)
{
	const struct vcpu_events *events = &vcpu.arch.events;
	uint64_t moved = state.rip - rip;

	require(events->exception.kind == EVENT_NONE || events->exception.vector < 32);
	require(moved <= INSN_LENGTH_MAX || state.rip <= UINT32_MAX);
	require(moved == 0 || !comes_again);
	require(!vcpu_regs_is_long(&state.sregs) || (state.sregs.efer & EFER_LMA) != 0);
	require(vlapic_cr8_read(&vcpu) < 16);
}

static void run(const struct step *step)
{
	static void (*const kinds[])(const struct step *) = { exit_memory, exit_ports, exit_control,
							      exit_msr, hypercall };
	uint64_t rip = state.rip;

	if (step->kind % 8 >= ARRAY_SIZE(kinds)) {
		change(step);
		return;
	}
	set_registers(step);
	comes_again = false;
	kinds[step->kind % 8](step);
	check(rip);
	if (state.rip != rip && state.rip >= RAM_SIZE) {
		state.rip = CODE;
	}
	vcpu.arch.events.exception.kind = EVENT_NONE;
	vcpu.arch.events.triple_fault = false;
	vm.stop_reason = VM_STOP_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct step step;

	start();
	for (; size >= STEP_SIZE; size -= STEP_SIZE, data += STEP_SIZE) {
		memcpy(&step, data, sizeof(step));
		state.valid = STATE_ALL;
		run(&step);
	}
	vlapic_fini(&vcpu);
	free(vm.arch.apic_map);
	return 0;
}
