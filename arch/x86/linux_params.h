/* SPDX-License-Identifier: GPL-2.0-only */
/* The zero page that Linux reads at its start (Documentation/arch/x86/zero-page.rst). */
#pragma once

#include "arch/guest_kernel.h"

/* The setup header lies at the same offset in the file and in the zero page. */
#define LINUX_HEADER_START 0x1f1U
#define LINUX_HEADER_END   0x290U

struct linux_params {
	const struct guest_kernel *kernel;
	const struct loader *loader;
	uint8_t header[LINUX_HEADER_END - LINUX_HEADER_START]; /* from the file */
	uint32_t header_end;   /* offset behind its last known byte */
	uint64_t load_address; /* of the kernel's protected-mode part */
};

/* Places and fills the zero page and what it points to; the kernel and initrd have their places. */
must_check int linux_params_write(const struct linux_params *params, uint64_t *zero_page);
