/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fault while a double fault is delivered shuts the processor down (APM2 8.2.9): the control
 * guest's is the machine's reset. It is the only micro-guest that must not reach its verdict.
 */
#include "guests/lib/guest.h"

const char test_title[] = "triple fault";

void test_main(void)
{
	struct table_register none = { 0, 0 };

	print("the next line must not appear\n");
	lidt(&none);
	asm volatile("ud2");
	report_failure("it goes on after a triple fault");
}
