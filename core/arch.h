/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * THE SEAM: every function an architecture provides to core/ and mm/. Implemented by arch/x86 and
 * by tests/fake_arch. Nothing else of an architecture is visible above it. Types that are embedded
 * by value are in "arch/arch_types.h", address-space constants in "arch/layout.h".
 */
#pragma once

#include "core/types.h"

struct cpu;
struct vcpu;
struct vcpu_exit;
struct vcpu_image;
struct vm;
struct stage2;
struct pt_format;

/* ---- cpu: the physical core ---- */

/* This CPU's struct. Valid from hyp_map_init() on, in every context, NMI handlers too. */
struct cpu *arch_cpu_self(void);

/* Sets up this CPU for life: descriptor tables, control registers, interrupt controller, SVM/VMX.
 * On itself. */
must_check int arch_cpu_init(struct cpu *cpu);

/* The machine's clock, interrupt controllers and virtualisation. Boot CPU, after its
 * arch_cpu_init(). Failures have been logged. */
must_check int arch_machine_init(void);

/* Goes on in fn on another stack; nothing of the old one is used any more. Boot CPU. */
noreturn void arch_stack_run(void *top, void (*fn)(void));

/* Starts another CPU in core's cpu_main(); 0, or -E_TIMEDOUT when it does not answer. Boot CPU. */
must_check int arch_cpu_start(struct cpu *cpu);

/*
 * Waits until an interrupt is pending and takes it, but handles none: arch_irq_poll() does, when
 * the CPU is no longer in a quiescent state. One that came just before is not slept over. Scheduler
 * loop only.
 */
void arch_cpu_idle(void);

/* Interrupts that are pending are taken and handled, without waiting. Scheduler loop and exit path.
 */
void arch_irq_poll(void);

/* Makes another CPU leave its guest or idle soon; its handler does nothing else. Any context but
 * NMI. */
void arch_cpu_kick(struct cpu *cpu);

/* Stops all other CPUs by NMI, for panic. Returns when they stopped or after a bounded wait. */
void arch_cpu_stop_others(void);

/* Makes another CPU panic, by NMI, with its own registers and call chain; unless it has moved past
 * the epoch of cpu->probe since. */
void arch_cpu_probe(struct cpu *cpu);

/* Loads a page-table root (hyp_map.c only), and drops a page from this CPU's TLB. */
void arch_root_load(hpa_t root);
void arch_tlb_flush_page(const void *page);

/* The end: halts this core for ever; resets the machine; powers it off. All return never. */
noreturn void arch_halt(void);
noreturn void arch_reset(void);
noreturn void arch_power_off(void);

/*
 * Ends the emulator that the command line's debug_exit=PORT says is there, with status 2 * code
 * + 1. Without that option it does nothing; on a machine without the device the write has no
 * effect.
 */
void arch_debug_exit(uint8_t code);

/* Prints registers where known, and the call chain by frame pointers, symbolised; for panic. */
void arch_backtrace(void);

/* ---- time ---- */

/* Nanoseconds since boot, the same on every CPU. */
uint64_t arch_time_now(void);

/* Arms this CPU's one-shot timer for that time (past: at once); UINT64_MAX disarms it. */
void arch_timer_set(uint64_t deadline);

/* ---- vcpu ---- */

must_check int arch_vm_init(struct vm *vm);
void arch_vm_fini(struct vm *vm);
must_check int arch_vcpu_init(struct vcpu *vcpu); /* after core's fields are set; not loaded */
void arch_vcpu_fini(struct vcpu *vcpu);

/* Makes the vCPU current on this CPU (maps its secret pages, restores lazily switched state); and
 * undoes that. */
void arch_vcpu_load(struct vcpu *vcpu);
void arch_vcpu_put(struct vcpu *vcpu);

/* Enters the guest; returns at the next exit, decoded. The vCPU is loaded. */
void arch_vcpu_run(struct vcpu *vcpu, struct vcpu_exit *exit);

/*
 * Handles what core hands on: EXIT_ARCH, EXIT_PORT, and an EXIT_STAGE2 that is a device's access
 * (the instruction is decoded, region_access() asked, its register completed; all ones where nobody
 * answers). Returns what an exit handler returns (core/exit.h). Loaded.
 */
bool arch_exit_handle(struct vcpu *vcpu, struct vcpu_exit *exit);

/* Moves RIP past the instruction that exited (as long as the exit told, or fetched and decoded).
 * Loaded. */
void arch_vcpu_skip_insn(struct vcpu *vcpu);

/* Something is pending that ends a HLT: an interrupt that can be taken, NMI, INIT, SIPI. Any CPU.
 */
bool arch_vcpu_has_work(struct vcpu *vcpu);

/* A hypercall's number and arguments, and its answer. Loaded; the caller's privilege was checked.
 */
void arch_vcpu_hypercall_args(struct vcpu *vcpu, uint64_t *number, uint64_t args[4]);
void arch_vcpu_hypercall_answer(struct vcpu *vcpu, uint64_t answer);

/*
 * Takes groups of a vCPU's state out of it; what others have posted so far is in it. What is not
 * asked for is 0 there. Owner CPU, loaded.
 */
void arch_vcpu_state_get(struct vcpu *vcpu, uint64_t groups, struct vcpu_image *image);

/*
 * Gives a vCPU groups of an image, whoever made that: -E_INVAL, with nothing changed, where it does
 * not have them or where the vCPU could not have come to be like that. The image is the caller's
 * own copy: nobody may change it meanwhile. Owner CPU, loaded.
 */
must_check int arch_vcpu_state_set(struct vcpu *vcpu, uint64_t groups,
				   const struct vcpu_image *image);

/*
 * Debug: before it is entered the next time, all of a vCPU's state is moved into a new one in its
 * place; panics where something is not the same then. always: so before every other entry; each of
 * them would undo what the last exit was to arrange. Any CPU; once: wakes it for that.
 */
void arch_vcpu_ask_swap(struct vcpu *vcpu, bool always);

/* Prints all that is known of a vCPU, one call of log() a line. Loaded or stopped. */
void arch_vcpu_dump(struct vcpu *vcpu);

/* ---- control guest ---- */

/*
 * Loads the configured kernel into the control guest's memory, 1:1, with its boot tables, and sets
 * up its first vCPU to enter it; the others wait to be started by the guest. Failures have been
 * logged as sentences that a person can act on. Boot CPU, before any guest runs.
 */
struct config_guest;
must_check int arch_control_load(struct vm *vm, const struct config_guest *config);

/* Ranges that no guest may map 1:1 on this machine, RAM and the hypervisor's MMIO apart. */
bool arch_address_is_mappable(uint64_t start, uint64_t size);

/* ---- stage 2 ---- */

const struct pt_format *arch_stage2_format(void);

/* The host's own page-table format. */
const struct pt_format *arch_host_format(void);

/* Makes the CPUs that run guests of this stage-2 flush before their next entry (the generation has
 * grown). */
void arch_stage2_flush(struct stage2 *stage2);
