/* SPDX-License-Identifier: GPL-2.0-only */
/* Whose an NMI is: the guest's, or one of ours. */
/* arch: x86 */
/* sources: arch/x86/nmi.c */
#include "arch/nmi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/idt.h"
#include "arch/lapic.h"
#include "arch/tsc.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/epoch.h"
#include "core/symbols.h"
#include "core/vcpu.h"
#include "core/vm.h"

noreturn void panic(const char *format, ...)
{
	(void)format;
	mock_assert(0, "panic", __FILE__, __LINE__);
	__builtin_unreachable();
}

#define panic panic_of_the_capture
#include "tests/unit/log_capture.h"
#undef panic

#define CPUS 2

static struct cpu cpus[CPUS];
static uint32_t current;
struct vm *vm_control;
static struct vm vm;
static struct vcpu vcpus[3], *table[] = { &vcpus[0], &vcpus[1], &vcpus[2] };
static unsigned kicks, nmis_sent, notices[3];
static uint64_t epoch_seen;

struct cpu *arch_cpu_self(void)
{
	return &cpus[current];
}

uint32_t cpu_count(void)
{
	return CPUS;
}

struct cpu *cpu_get(uint32_t index)
{
	return &cpus[index];
}

bool log_has_cpus(void)
{
	return true;
}

noreturn void arch_halt(void)
{
	mock_assert(0, "halt", __FILE__, __LINE__);
	__builtin_unreachable();
}

const char *symbol_find(uint64_t address, uint64_t *offset)
{
	(void)address, (void)offset;
	return NULL;
}

void trap_frame_set(const struct trap_frame *frame)
{
	assert_non_null(frame);
}

void lapic_kick_self(void)
{
	kicks++;
}

void lapic_send_nmi(uint32_t apic_id)
{
	nmis_sent += apic_id == cpus[1].arch.apic_id;
}

uint64_t tsc_read(void)
{
	return nmis_sent * 1000; /* nobody is waited for */
}

uint64_t tsc_ns_to_ticks(uint64_t ns)
{
	(void)ns;
	return 0;
}

bool epoch_has_moved(const struct cpu *cpu, uint64_t epoch)
{
	assert_ptr_equal(cpu, arch_cpu_self());
	return epoch_seen >= epoch;
}

uint64_t watchdog_seconds(void)
{
	return 10;
}

void sched_notify(struct vcpu *vcpu)
{
	notices[vcpu - vcpus]++;
}

static int setup(void **state)
{
	(void)state;
	memset(cpus, 0, sizeof(cpus));
	memset(vcpus, 0, sizeof(vcpus));
	memset(notices, 0, sizeof(notices));
	for (uint32_t i = 0; i < CPUS; i++) {
		cpus[i].index = i;
		cpus[i].arch.apic_id = 10 + i;
		cpus[i].arch.lapic_is_ready = true;
		cpus[i].state = CPU_ONLINE;
	}
	vcpus[0].home = 0;
	vcpus[1].home = 1;
	vcpus[2].home = UINT32_MAX;
	vm = (struct vm){ .vcpus = table, .vcpu_count = 3 };
	vm_control = &vm;
	kicks = nmis_sent = 0;
	epoch_seen = 0;
	current = 0;
	log_clear();
	return 0;
}

static void take(uint32_t cpu)
{
	struct trap_frame frame = { .vector = EXCEPTION_NMI };

	current = cpu;
	nmi_handle(&frame);
}

static void expect_given(uint64_t first, uint64_t second)
{
	assert_int_equal(vcpus[0].arch.requests, first);
	assert_int_equal(vcpus[1].arch.requests, second);
	assert_int_equal(vcpus[2].arch.requests, 0);
}

static void goes_to_the_vcpu_at_home_where_it_came(void **state)
{
	(void)state;
	take(1);
	expect_given(0, 0); /* the handler only records */
	assert_int_equal(kicks, 1);
	nmi_forward(&cpus[0]);
	expect_given(0, 0);
	nmi_forward(&cpus[1]);
	expect_given(0, REQUEST_LINT1);
	assert_int_equal(notices[1], 1);
}

static void is_given_once(void **state)
{
	(void)state;
	take(0);
	nmi_forward(&cpus[0]);
	vcpus[0].arch.requests = 0;
	nmi_forward(&cpus[0]);
	expect_given(0, 0);
	assert_int_equal(notices[0], 1);
}

static void those_before_the_first_is_given_are_one(void **state)
{
	(void)state;
	take(0);
	take(0);
	nmi_forward(&cpus[0]);
	assert_int_equal(notices[0], 1);
	assert_int_equal(cpus[0].arch.nmi_count, 2);
}

static void without_a_guest_nobody_gets_it(void **state)
{
	(void)state;
	vm_control = NULL;
	take(0);
	nmi_print();
	assert_true(
		log_has("CPU 0 took 1 NMIs of the machine, the last of which no guest has got"));
	nmi_forward(&cpus[0]);
	expect_given(0, 0);
}

static void before_its_lapic_is_set_up_a_cpu_kicks_nobody(void **state)
{
	(void)state;
	cpus[0].arch.lapic_is_ready = false;
	take(0);
	assert_int_equal(kicks, 0);
	assert_true(cpus[0].arch.nmi_is_due);
}

static void a_probe_is_not_the_guests(void **state)
{
	(void)state;
	cpus[1].probe = 7;
	epoch_seen = 7; /* it has moved meanwhile */
	arch_cpu_probe(&cpus[1]);
	assert_int_equal(nmis_sent, 1);
	take(1);
	nmi_forward(&cpus[1]);
	expect_given(0, 0);
	assert_int_equal(cpus[1].arch.nmi_count, 0);
	take(1); /* the next one is */
	nmi_forward(&cpus[1]);
	expect_given(0, REQUEST_LINT1);
}

static void a_cpu_that_hangs_panics_by_its_probe(void **state)
{
	(void)state;
	cpus[1].probe = 7;
	epoch_seen = 6;
	expect_assert_failure(take(1));
}

/* Last: from here on all others stop. */
static void a_panic_stops_the_others_and_not_itself(void **state)
{
	(void)state;
	arch_cpu_stop_others();
	assert_int_equal(nmis_sent, 1);
	take(0);
	cpus[1].probe = 7;
	expect_assert_failure(take(1));
	assert_int_equal(cpus[1].state, CPU_STOPPED);
	assert_int_equal(cpus[1].probe, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(goes_to_the_vcpu_at_home_where_it_came, setup),
		cmocka_unit_test_setup(is_given_once, setup),
		cmocka_unit_test_setup(those_before_the_first_is_given_are_one, setup),
		cmocka_unit_test_setup(without_a_guest_nobody_gets_it, setup),
		cmocka_unit_test_setup(before_its_lapic_is_set_up_a_cpu_kicks_nobody, setup),
		cmocka_unit_test_setup(a_probe_is_not_the_guests, setup),
		cmocka_unit_test_setup(a_cpu_that_hangs_panics_by_its_probe, setup),
		cmocka_unit_test_setup(a_panic_stops_the_others_and_not_itself, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
