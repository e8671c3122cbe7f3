/* SPDX-License-Identifier: GPL-2.0-only */
/* In which order stage-2 takes entries away, gives notice and retires tables. */
/* sources: mm/stage2.c mm/pt.c mm/frame.c */
#include "mm/stage2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/err.h"
#include "mm/hyp_map.h"
#include "mm/page_alloc.h"
#include "tests/fake_arch/fake.h"

static struct stage2 stage2;
static uint64_t next_page, generation_before;
static unsigned retired;

void *page_alloc(enum page_use use, unsigned order)
{
	assert_int_equal(use, PAGE_USE_STAGE2);
	assert_int_equal(order, 0);
	next_page += PAGE_SIZE;
	return hyp_map_pointer(hpa(next_page));
}

/* A CPU that enters a guest just now passes the page's epoch: it must see a new generation. */
void page_retire(void *page, enum page_use use)
{
	(void)page;
	assert_int_equal(use, PAGE_USE_STAGE2);
	assert_true(stage2.generation > generation_before);
	generation_before = stage2.generation;
	retired++;
}

static void a_table_is_retired_after_the_generation_grew(void **state)
{
	struct pt_range range = { .size = PAGE_SIZE, .attr = { .prot = PT_READ } };

	(void)state;
	fake_memory_init();
	assert_int_equal(stage2_init(&stage2, NULL), 0);
	assert_int_equal(stage2_map(&stage2, &range), 0);
	generation_before = stage2.generation;
	range = (struct pt_range){ .size = PAGE_SIZE };
	assert_int_equal(stage2_unmap(&stage2, &range), 0);
	assert_int_equal(retired, 3);
	assert_true(stage2.generation > generation_before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_is_retired_after_the_generation_grew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
