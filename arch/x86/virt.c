/* SPDX-License-Identifier: GPL-2.0-only */
/* Which virtualisation this machine has. */
#include "arch/virt.h"

#include "arch/fpu.h"
#include "core/log.h"
#include "core/panic.h"

static const struct virt_ops *const vendors[] = { &virt_svm };

const struct virt_ops *virt;

void virt_select(void)
{
	const char *missing = NULL;

	for (uint32_t i = 0; i < ARRAY_SIZE(vendors); i++) {
		if (vendors[i]->probe(&missing)) {
			virt = vendors[i];
			fpu_init();
			log(LOG_INFO, "virt: %s", virt->name);
			return;
		}
	}
	refuse("this machine lacks %s", missing);
}
