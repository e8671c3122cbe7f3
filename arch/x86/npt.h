/* SPDX-License-Identifier: GPL-2.0-only */
/* AMD's nested page tables as a format of the walker. */
#pragma once

struct pt_format;

/* The format as this machine has it: physical width, 1 GiB leaves. virt_svm's stage2_format. */
const struct pt_format *npt_format(void);
