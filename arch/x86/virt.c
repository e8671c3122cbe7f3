/* SPDX-License-Identifier: GPL-2.0-only */
/* Which virtualisation this machine has. */
#include "arch/virt.h"

#include "arch/bochs.h"
#include "arch/brand.h"
#include "arch/fpu.h"
#include "core/log.h"
#include "core/panic.h"

static const struct virt_ops *const vendors[] = { &virt_svm, &virt_vmx };

const struct virt_ops *virt;

void virt_select(void)
{
	char brand[BRAND_SIZE];
	const char *missing = "AMD-V (CPUID 80000001 ECX[2]) or VT-x (CPUID 1 ECX[5])";

	bochs_probe();
	for (uint32_t i = 0; i < ARRAY_SIZE(vendors); i++) {
		const char *what = NULL;

		if (vendors[i]->probe(&what)) {
			virt = vendors[i];
			fpu_init();
			log(LOG_INFO, "virt: %s", virt->name);
			return;
		}
		missing = what != NULL ? what : missing;
	}
	brand_read(brand);
	refuse("this machine lacks %s; its CPU is %s", missing, brand[0] != 0 ? brand : "nameless");
}
