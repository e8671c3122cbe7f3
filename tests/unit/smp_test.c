/* SPDX-License-Identifier: GPL-2.0-only */
/* Starting CPUs that answer at once, late, or never: which messages they get, and when. */
/* arch: x86 */
/* sources: arch/x86/smp.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/log_capture.h"

#include "arch/lapic.h"
#include "arch/smp.h"
#include "arch/tsc.h"
#include "boot/boot_info.h"
#include "core/arch.h"
#include "core/control.h"
#include "core/cpu.h"
#include "core/err.h"
#include "drivers/acpi.h"
#include "mm/hyp_map.h"
#include "mm/window.h"

#define CPUS     1024
#define NEVER    UINT64_MAX
#define MS       UINT64_C(1000000)
#define PAGE     UINT64_C(0x9d000) /* the one below the module */
#define CALL_NS  UINT64_C(500)     /* that one look at the clock takes */
#define SETUP_NS UINT64_C(20000)   /* from arrival to the scheduler */

/* What ap_start.asm's copy and its parameters are to the real one. */
asm(".pushsection .rodata\n"
    ".globl ap_start_begin, ap_start_parameters, ap_start_end\n"
    "ap_start_begin: .zero 64\n"
    "ap_start_parameters: .zero 32\n"
    "ap_start_end: .zero 1\n"
    ".popsection\n");

struct acpi acpi;
struct boot_info boot_info;

/* A CPU of the fake machine, by its index there. */
struct fake {
	uint64_t answers_ns; /* from the startup message to its first line of C */
	uint32_t needs;      /* startup messages before it answers */
	uint32_t end;        /* enum cpu_state after its set-up */
	uint32_t inits, startups;
	uint64_t init_at, startup_at;
};

static struct fake fakes[CPUS];
static struct cpu cpus[CPUS];
static struct acpi_cpu madt[CPUS];
static uint32_t count, questions, id_max;
static uint64_t now;
static uint64_t page_words[4]; /* the parameters in the page */
static struct cpu *starting;   /* who has been woken */
static uint64_t arrives_at, ready_at;
static jmp_buf arrived;

struct cpu *arch_cpu_self(void)
{
	return &cpus[0];
}

uint32_t cpu_count(void)
{
	return count;
}

struct cpu *cpu_get(uint32_t index)
{
	assert_true(index < count);
	return &cpus[index];
}

uint32_t lapic_id(void)
{
	return cpus[0].arch.apic_id;
}

uint64_t tsc_read(void)
{
	return now;
}

uint64_t tsc_to_ns(uint64_t ticks)
{
	return ticks;
}

void tsc_sync_answer(void)
{
	questions++;
}

int control_withhold(uint64_t start, uint64_t size, const char *name)
{
	(void)name;
	assert_int_equal(start, PAGE);
	assert_int_equal(size, PAGE_SIZE);
	return 0;
}

int hyp_map_start_root(hpa_t page, hpa_t *root)
{
	assert_int_equal(page.value, PAGE);
	*root = hpa(0x7000);
	return 0;
}

void window_write(hpa_t to, const void *from, size_t size)
{
	if (to.value == PAGE + 64) {
		assert_int_equal(size, sizeof(page_words));
		memcpy(page_words, from, size);
	}
}

static struct fake *fake_of(uint32_t apic_id)
{
	for (uint32_t i = 0; i < count; i++) {
		if (cpus[i].arch.apic_id == apic_id) {
			return &fakes[i];
		}
	}
	fail_msg("no CPU has APIC ID %u", apic_id);
	return NULL;
}

bool lapic_reaches(uint32_t apic_id)
{
	return apic_id <= id_max;
}

void lapic_send_init(uint32_t apic_id)
{
	struct fake *fake = fake_of(apic_id);

	fake->inits++;
	fake->init_at = now;
	if (starting != NULL && starting->arch.apic_id == apic_id) {
		starting = NULL;
	}
}

void lapic_send_startup(uint32_t apic_id, uint8_t start_page)
{
	struct fake *fake = fake_of(apic_id);

	assert_int_equal(start_page, PAGE >> PAGE_SHIFT);
	fake->startup_at = now;
	if (++fake->startups == fake->needs && fake->answers_ns != NEVER) {
		/* It is the page's CPU, or it would take another one's stack. */
		starting = (struct cpu *)page_words[3];
		assert_int_equal(starting->arch.apic_id, apic_id);
		arrives_at = now + fake->answers_ns;
		ready_at = NEVER;
	}
}

noreturn void cpu_main(struct cpu *cpu)
{
	assert_ptr_equal(cpu, starting);
	ready_at = now + SETUP_NS;
	longjmp(arrived, 1);
}

/* Time goes by, and the other CPU runs. */
uint64_t arch_time_now(void)
{
	now += CALL_NS;
	if (starting != NULL && now >= arrives_at) {
		arrives_at = NEVER;
		if (setjmp(arrived) == 0) {
			smp_arrive(starting);
		}
	}
	if (starting != NULL && now >= ready_at) {
		starting->state = fakes[starting - cpus].end;
		starting = NULL;
	}
	return now;
}

static int setup(void **state)
{
	(void)state;
	memset(fakes, 0, sizeof(fakes));
	memset(cpus, 0, sizeof(cpus));
	now = 50 * MS;
	questions = 0;
	id_max = UINT32_MAX;
	starting = NULL;
	log_clear();
	boot_info.memory_count = 1;
	boot_info.memory[0] = (struct boot_memory){ .start = 0, .size = 0x9f000 };
	boot_info.module_count = 1;
	boot_info.modules[0] = (struct boot_module){ .start = 0x9e010, .size = 1 };
	return 0;
}

/* The first ID is the boot CPU's, wherever the MADT has it. */
static void machine(uint32_t cpu_count, const uint32_t *ids)
{
	count = cpu_count;
	acpi.cpus = madt;
	acpi.cpu_count = cpu_count;
	for (uint32_t i = 0; i < cpu_count; i++) {
		cpus[i].index = i;
		cpus[i].state = i == 0 ? CPU_ONLINE : CPU_STARTING;
		fakes[i] = (struct fake){ .answers_ns = 20000, .needs = 1, .end = CPU_ONLINE };
		madt[i] = (struct acpi_cpu){ .apic_id = ids != NULL ? ids[i] : i, .node = i / 2 };
	}
	cpus[0].arch.apic_id = madt[0].apic_id;
}

static void smp_numbers_cpus_by_the_madt_but_the_boot_cpu_is_0(void **state)
{
	const uint32_t ids[] = { 0, 1, 3, 300, 7 };

	(void)state;
	machine(ARRAY_SIZE(ids), ids);
	cpus[0].arch.apic_id = 3;
	assert_int_equal(smp_init(), 0);
	assert_int_equal(cpus[0].arch.apic_id, 3);
	assert_int_equal(cpus[0].node, 1);
	assert_int_equal(cpus[1].arch.apic_id, 0);
	assert_int_equal(cpus[2].arch.apic_id, 1);
	assert_int_equal(cpus[3].arch.apic_id, 300);
	assert_int_equal(cpus[4].arch.apic_id, 7);
	assert_int_equal(cpus[4].node, 2);
}

static void smp_sends_init_to_all_but_the_boot_cpu_once(void **state)
{
	(void)state;
	machine(4, NULL);
	assert_int_equal(smp_init(), 0);
	for (uint32_t i = 1; i < 4; i++) {
		assert_int_equal(arch_cpu_start(&cpus[i]), 0);
	}
	assert_int_equal(fakes[0].inits, 0);
	for (uint32_t i = 1; i < 4; i++) {
		assert_int_equal(fakes[i].inits, 1);
		assert_int_equal(fakes[i].init_at, 50 * MS);
	}
}

static void smp_starts_nobody_before_10_ms_after_init(void **state)
{
	(void)state;
	machine(2, NULL);
	assert_int_equal(smp_init(), 0);
	now += 4 * MS;
	assert_int_equal(arch_cpu_start(&cpus[1]), 0);
	assert_in_range(fakes[1].startup_at - fakes[1].init_at, 10 * MS, 10 * MS + 10 * CALL_NS);
}

static void smp_waits_for_init_no_more_when_10_ms_have_passed(void **state)
{
	uint64_t start;

	(void)state;
	machine(2, NULL);
	assert_int_equal(smp_init(), 0);
	now += 30 * MS;
	start = now;
	assert_int_equal(arch_cpu_start(&cpus[1]), 0);
	assert_in_range(now - start, SETUP_NS, 200000);
}

static void smp_sends_one_startup_message_to_who_answers(void **state)
{
	(void)state;
	machine(2, NULL);
	assert_int_equal(smp_init(), 0);
	assert_int_equal(arch_cpu_start(&cpus[1]), 0);
	assert_int_equal(fakes[1].startups, 1);
	assert_int_equal(page_words[0], 0x7000);
}

static void smp_sends_a_second_one_to_who_does_not_answer_in_200_us(void **state)
{
	uint64_t before;

	(void)state;
	machine(3, NULL);
	fakes[1].needs = 2;
	assert_int_equal(smp_init(), 0);
	now += 30 * MS;
	before = now;
	assert_int_equal(arch_cpu_start(&cpus[1]), 0);
	assert_int_equal(fakes[1].startups, 2);
	assert_in_range(fakes[1].startup_at - before, 200000, 220000);
	assert_int_equal(arch_cpu_start(&cpus[2]), 0);
	assert_int_equal(fakes[2].startups, 1);
}

/* It must not come later, when the page holds the next one's stack. */
static void smp_puts_who_never_answers_back_to_wait(void **state)
{
	(void)state;
	machine(3, NULL);
	fakes[1].answers_ns = NEVER;
	assert_int_equal(smp_init(), 0);
	assert_int_equal(arch_cpu_start(&cpus[1]), -E_TIMEDOUT);
	assert_int_equal(fakes[1].startups, 2);
	assert_int_equal(fakes[1].inits, 2);
	assert_true(fakes[1].init_at > fakes[1].startup_at);
	assert_int_equal(arch_cpu_start(&cpus[2]), 0);
	assert_int_equal(fakes[1].inits + fakes[2].inits, 3);
}

static void smp_takes_who_answers_late(void **state)
{
	(void)state;
	machine(2, NULL);
	fakes[1].answers_ns = 400 * MS;
	assert_int_equal(smp_init(), 0);
	assert_int_equal(arch_cpu_start(&cpus[1]), 0);
	assert_int_equal(fakes[1].inits, 1);
}

/* 255 is all CPUs, the sender too, and 256 + n is n, without x2APIC. */
static void smp_sends_nothing_to_ids_that_the_mode_has_not(void **state)
{
	const uint32_t ids[] = { 0, 255, 256, 5 };

	(void)state;
	id_max = 254;
	machine(ARRAY_SIZE(ids), ids);
	assert_int_equal(smp_init(), 0);
	assert_int_equal(arch_cpu_start(&cpus[1]), -E_RANGE);
	assert_int_equal(arch_cpu_start(&cpus[2]), -E_RANGE);
	assert_int_equal(arch_cpu_start(&cpus[3]), 0);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(fakes[i].inits + fakes[i].startups, 0);
	}
}

static void smp_says_who_can_not_be_set_up(void **state)
{
	(void)state;
	machine(3, NULL);
	fakes[1].end = CPU_STOPPED;
	fakes[2].end = CPU_STARTING; /* it comes, and hangs */
	assert_int_equal(smp_init(), 0);
	assert_int_equal(arch_cpu_start(&cpus[1]), -E_NODEV);
	assert_int_equal(arch_cpu_start(&cpus[2]), -E_TIMEDOUT);
}

static void smp_answers_tsc_questions_while_a_cpu_sets_itself_up(void **state)
{
	(void)state;
	machine(2, NULL);
	assert_int_equal(smp_init(), 0);
	assert_int_equal(arch_cpu_start(&cpus[1]), 0);
	assert_in_range(questions, SETUP_NS / CALL_NS / 2, SETUP_NS / CALL_NS);
}

static void smp_starts_1024_cpus_with_one_wait_for_all(void **state)
{
	uint64_t start;

	(void)state;
	machine(CPUS, NULL);
	start = now;
	assert_int_equal(smp_init(), 0);
	for (uint32_t i = 1; i < CPUS; i++) {
		assert_int_equal(arch_cpu_start(&cpus[i]), 0);
		assert_int_equal(fakes[i].inits + fakes[i].startups, 2);
	}
	assert_in_range(now - start, 10 * MS, 10 * MS + CPUS * UINT64_C(50000));
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(smp_numbers_cpus_by_the_madt_but_the_boot_cpu_is_0),
		TEST(smp_sends_init_to_all_but_the_boot_cpu_once),
		TEST(smp_starts_nobody_before_10_ms_after_init),
		TEST(smp_waits_for_init_no_more_when_10_ms_have_passed),
		TEST(smp_sends_one_startup_message_to_who_answers),
		TEST(smp_sends_a_second_one_to_who_does_not_answer_in_200_us),
		TEST(smp_puts_who_never_answers_back_to_wait),
		TEST(smp_takes_who_answers_late),
		TEST(smp_sends_nothing_to_ids_that_the_mode_has_not),
		TEST(smp_says_who_can_not_be_set_up),
		TEST(smp_answers_tsc_questions_while_a_cpu_sets_itself_up),
		TEST(smp_starts_1024_cpus_with_one_wait_for_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
