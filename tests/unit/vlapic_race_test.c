/* SPDX-License-Identifier: GPL-2.0-only */
/* arch: x86 */
/* sources: arch/x86/vlapic.c arch/x86/vlapic_access.c arch/x86/vlapic_ipi.c */
/* sources: arch/x86/vlapic_map.c arch/x86/vlapic_timer.c */
/*
 * Posting against folding, with two threads as CPUs: the owner folds only when it was notified, so
 * a post whose notice is lost hangs the test (and its time limit ends it).
 */
#include "tests/unit/vlapic_fake.h"

#include <pthread.h>

#define ROUNDS  20000
#define VECTORS 64U /* 0x40 to 0x7f */
#define BATCH   32U /* fewer than vectors: none is posted again before it was taken */
#define STUCK   10000000

static uint64_t handled;
static bool is_stuck;

static void wait_for(uint64_t count)
{
	for (unsigned i = 0; __atomic_load_n(&handled, __ATOMIC_SEQ_CST) < count; i++) {
		if (i == STUCK) {
			__atomic_store_n(&is_stuck, true, __ATOMIC_SEQ_CST);
			return;
		}
		__builtin_ia32_pause();
	}
}

static void *post_all(void *context)
{
	(void)context;
	for (uint64_t i = 0; i < ROUNDS && !is_stuck; i++) {
		vlapic_post(&fake_vcpus[0], (uint8_t)(0x40 + i % VECTORS), i % 3 == 0);
		if ((i + 1) % BATCH == 0) {
			wait_for(i + 1);
		}
	}
	return NULL;
}

/* The owner's look at its notices, as a CPU that was woken or kicked: without one it sleeps. */
static void own(uint64_t total)
{
	unsigned seen = 0;

	while (handled < total && !__atomic_load_n(&is_stuck, __ATOMIC_SEQ_CST)) {
		unsigned notices = __atomic_load_n(&fake_notified[0], __ATOMIC_SEQ_CST);
		int vector;

		if (notices == seen) {
			continue;
		}
		seen = notices;
		while ((vector = taken(&fake_vcpus[0])) >= 0) {
			vlapic_end(&fake_vcpus[0]);
			__atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST);
		}
	}
}

static void vlapic_post_is_never_lost_nor_doubled(void **state)
{
	pthread_t thread;

	(void)state;
	fake_vm_make(1, 0, 1);
	(void)enabled(0);
	assert_int_equal(pthread_create(&thread, NULL, post_all, NULL), 0);
	own(ROUNDS);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(is_stuck);
	assert_int_equal(handled, ROUNDS);
	assert_int_equal(taken(&fake_vcpus[0]), -1);
	assert_int_equal(fake_ended_count, (ROUNDS + 2) / 3);
	fake_vm_drop();
}

static void *post_requests(void *context)
{
	struct vlapic_message init = { .mode = VLAPIC_INIT };
	struct vlapic_message nmi = { .mode = VLAPIC_NMI };

	(void)context;
	for (unsigned i = 0; i < ROUNDS; i++) {
		(void)vlapic_deliver(&fake_vm, &init);
		(void)vlapic_deliver(&fake_vm, &nmi);
	}
	return NULL;
}

/* The SIPI's vector is written with its bit: no one sees the one without the other. */
static void vlapic_startup_vector_is_never_torn(void **state)
{
	struct vlapic_message sipi = { .mode = VLAPIC_SIPI, .vector = 0x9a };
	pthread_t thread;

	(void)state;
	fake_vm_make(1, 0, 1);
	assert_int_equal(pthread_create(&thread, NULL, post_requests, NULL), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t requests;

		(void)vlapic_deliver(&fake_vm, &sipi);
		requests = __atomic_load_n(&fake_vcpus[0].arch.requests, __ATOMIC_SEQ_CST);
		assert_int_equal(field_get(REQUEST_SIPI_VECTOR, requests),
				 (requests & REQUEST_SIPI) != 0 ? 0x9a : 0);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	fake_vm_drop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vlapic_post_is_never_lost_nor_doubled),
		cmocka_unit_test(vlapic_startup_vector_is_never_torn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
