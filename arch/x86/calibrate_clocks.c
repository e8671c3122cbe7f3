/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The clocks of a PC whose rate is known: HPET, ACPI PM timer, PIT channel 2. Used at boot only;
 * each is left as it was found, for the control guest.
 */
#include "arch/calibrate.h"

#include "arch/mmio.h"
#include "arch/port_io.h"
#include "core/bits.h"
#include "core/err.h"
#include "drivers/acpi.h"
#include "mm/hyp_map.h"

/* ---- HPET: IA-PC HPET specification 1.0a, 2.3 "Memory Mapped Registers" ---- */

#define HPET_SIZE          0x400
#define HPET_PERIOD        0x004 /* femtoseconds a tick */
#define HPET_CONFIG        0x010
#define HPET_CONFIG_ENABLE BIT(0)
#define HPET_COUNTER       0x0f0
#define HPET_PERIOD_MAX    100000000 /* 2.3.4: 100 ns */
#define FEMTOSECONDS       UINT64_C(1000000000000000)

static void *hpet;
static uint32_t hpet_config;

static uint64_t hpet_read(void)
{
	return mmio_read32(hpet, HPET_COUNTER);
}

static int hpet_open(struct clock *clock)
{
	uint32_t period;

	hpet = acpi.hpet_count == 0 ? NULL : hyp_map_mmio(hpa(acpi.hpets[0]), HPET_SIZE);
	if (hpet == NULL) {
		return -E_NODEV;
	}
	period = mmio_read32(hpet, HPET_PERIOD);
	if (period == 0 || period > HPET_PERIOD_MAX) {
		return -E_NODEV;
	}
	hpet_config = mmio_read32(hpet, HPET_CONFIG);
	mmio_write32(hpet, HPET_CONFIG, hpet_config | (uint32_t)HPET_CONFIG_ENABLE);
	*clock = (struct clock){ .name = "HPET",
				 .hz = FEMTOSECONDS / period,
				 .mask = UINT32_MAX,
				 .spin_max = 2000000,
				 .read = hpet_read };
	return 0;
}

static void hpet_close(void)
{
	mmio_write32(hpet, HPET_CONFIG, hpet_config);
}

/* ---- PM timer: ACPI 6.5, 4.8.3.3 "Power Management Timer (PM_TMR)" ---- */

#define PM_TIMER_HZ 3579545

static void *pm_timer;

static uint64_t pm_timer_read(void)
{
	return pm_timer != NULL ? mmio_read32(pm_timer, 0) : in32((uint16_t)acpi.pm_timer.address);
}

static int pm_timer_open(struct clock *clock)
{
	const struct acpi_gas *gas = &acpi.pm_timer;

	if (gas->address == 0 || gas->space > 1 || (gas->space == 1 && gas->address > UINT16_MAX)) {
		return -E_NODEV;
	}
	if (gas->space == 0) {
		pm_timer = hyp_map_mmio(hpa(gas->address), sizeof(uint32_t));
		if (pm_timer == NULL) {
			return -E_NODEV;
		}
	}
	*clock = (struct clock){ .name = "PM timer",
				 .hz = PM_TIMER_HZ,
				 .mask = acpi.pm_timer_is_32_bit ? BITS(31, 0) : BITS(23, 0),
				 .spin_max = 200000,
				 .read = pm_timer_read };
	return 0;
}

static void pm_timer_close(void)
{
}

/* ---- PIT: 82C54 data sheet, "Mode 2: Rate Generator"; channel 2 has a gate at port 61h ---- */

#define PIT_HZ              1193182
#define PIT_CHANNEL2        0x42
#define PIT_COMMAND         0x43
#define PIT_START           0xb4 /* channel 2, low then high byte, mode 2 */
#define PIT_LATCH           0x80 /* channel 2 */
#define PIT_CONTROL         0x61
#define PIT_CONTROL_GATE    BIT(0)
#define PIT_CONTROL_SPEAKER BIT(1)

static uint8_t pit_control;

/* It counts down, from 65536 on. */
static uint64_t pit_read(void)
{
	uint64_t low;

	out8(PIT_COMMAND, PIT_LATCH);
	low = in8(PIT_CHANNEL2);
	return ~(low | (uint64_t)in8(PIT_CHANNEL2) << 8);
}

static int pit_open(struct clock *clock)
{
	pit_control = in8(PIT_CONTROL);
	out8(PIT_CONTROL,
	     (uint8_t)((pit_control | PIT_CONTROL_GATE) & ~(unsigned)PIT_CONTROL_SPEAKER));
	out8(PIT_COMMAND, PIT_START);
	out8(PIT_CHANNEL2, 0);
	out8(PIT_CHANNEL2, 0);
	*clock = (struct clock){ .name = "PIT",
				 .hz = PIT_HZ,
				 .mask = BITS(15, 0),
				 .spin_max = 100000,
				 .read = pit_read };
	return 0;
}

static void pit_close(void)
{
	out8(PIT_CONTROL, pit_control);
}

static const struct {
	int (*open)(struct clock *clock);
	void (*close)(void);
} references[CALIBRATE_REFERENCES] = {
	{ hpet_open, hpet_close },
	{ pm_timer_open, pm_timer_close },
	{ pit_open, pit_close },
};

int calibrate_reference_open(unsigned n, struct clock *clock)
{
	return references[n].open(clock);
}

void calibrate_reference_close(unsigned n)
{
	references[n].close();
}
