/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine's 8259 pair: silenced once, and used by nobody. */
#pragma once

/* Boot CPU, before interrupts are opened for the first time. */
void pic_mask(void);
