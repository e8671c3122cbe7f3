/* SPDX-License-Identifier: GPL-2.0-only */
/* Power-off by ACPI's S5, and by the port that Bochs has for it. */
#include "guests/lib/power.h"

#include "guests/lib/acpi.h"
#include "guests/lib/guest.h"

#define PORT_BOCHS_SHUTDOWN 0x8900
#define PM1_CNT_Q35         0x604
#define PM1_SLP_EN          BIT(13) /* SLP_TYP of S5 is 0 on PIIX4 and ICH9, and on Bochs */

noreturn void power_off(void)
{
	static const char word[] = "Shutdown";
	uint32_t port = acpi_pm1a_control();

	out16((uint16_t)(port != 0 ? port : PM1_CNT_Q35), PM1_SLP_EN);
	for (const char *c = word; *c != 0; c++) {
		out8(PORT_BOCHS_SHUTDOWN, (uint8_t)*c);
	}
	for (;;) {
		cli();
		hlt();
	}
}
