/* SPDX-License-Identifier: GPL-2.0-only */
/* SLP_TYP of each sleep state, from the DSDT's bytes. */
#include "drivers/acpi_sleep.h"

#include "core/bits.h"
#include "core/string.h"
#include "drivers/acpi.h"

#define AML_ZERO    0x00
#define AML_ONE     0x01
#define AML_NAME    0x08
#define AML_BYTE    0x0a
#define AML_WORD    0x0b
#define AML_DWORD   0x0c
#define AML_PACKAGE 0x12
#define AML_ROOT    '\\'

#define PACKAGE_LENGTH_EXTRA BITS(7, 6) /* bytes that follow the first one */
#define SLEEP_TYPE_MAX       7 /* three bits: ACPI 6.5 table 4.14 "PM1 Control Registers" */

/* The longest form: name with root, package with four length bytes, two DWORDs. */
#define FORM_SIZE_MAX 32

#define CHUNK_SIZE 4096

struct acpi_sleep acpi_sleep;

struct cursor {
	const uint8_t *at;
	size_t left;
};

/* The next byte, or -1 at the end. */
static int take(struct cursor *cursor)
{
	if (cursor->left == 0) {
		return -1;
	}
	cursor->left--;
	return *cursor->at++;
}

static bool skip(struct cursor *cursor, size_t count)
{
	if (cursor->left < count) {
		return false;
	}
	cursor->at += count;
	cursor->left -= count;
	return true;
}

/* An integer constant that fits SLP_TYP, or -1. */
static int take_type(struct cursor *cursor)
{
	int op = take(cursor);
	int value = op;
	size_t zeros = 0;

	switch (op) {
	case AML_ZERO:
	case AML_ONE:
		return value;
	case AML_BYTE:
		break;
	case AML_WORD:
		zeros = 1;
		break;
	case AML_DWORD:
		zeros = 3;
		break;
	default:
		return -1;
	}
	value = take(cursor);
	for (; zeros > 0; zeros--) {
		if (take(cursor) != 0) {
			return -1;
		}
	}
	return value > SLEEP_TYPE_MAX ? -1 : value;
}

/* NameOp, "\"?, "_Sn_": the state, or -1. */
static int take_name(struct cursor *cursor)
{
	int state;

	if (take(cursor) != AML_NAME) {
		return -1;
	}
	if (cursor->left != 0 && *cursor->at == AML_ROOT) {
		(void)skip(cursor, 1);
	}
	if (cursor->left < 4 || memcmp(cursor->at, "_S", 2) != 0 || cursor->at[3] != '_') {
		return -1;
	}
	state = cursor->at[2] - '0';
	(void)skip(cursor, 4);
	return state >= 1 && state < ACPI_SLEEP_STATES ? state : -1;
}

/* PackageOp, PkgLength, NumElements: the number, or -1 where these are not what follows. */
static int take_package(struct cursor *cursor)
{
	int length;

	if (take(cursor) != AML_PACKAGE) {
		return -1;
	}
	length = take(cursor);
	if (length < 0 || !skip(cursor, field_get(PACKAGE_LENGTH_EXTRA, length))) {
		return -1;
	}
	return take(cursor);
}

static void scan_at(struct acpi_sleep *sleep, struct cursor cursor)
{
	int state = take_name(&cursor);
	int elements, a, b;

	if (state < 0 || sleep->known[state]) {
		return;
	}
	elements = take_package(&cursor);
	a = elements < 1 ? -1 : take_type(&cursor);
	/* Packages of one element are seen: both registers get it then. */
	b = elements < 2 ? a : take_type(&cursor);
	if (a < 0 || b < 0) {
		return;
	}
	sleep->known[state] = true;
	sleep->type_a[state] = (uint8_t)a;
	sleep->type_b[state] = (uint8_t)b;
}

void acpi_sleep_scan(struct acpi_sleep *sleep, const uint8_t *aml, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (aml[i] == AML_NAME) {
			scan_at(sleep, (struct cursor){ aml + i, size - i });
		}
	}
}

/* By overlapping pieces: a table may be larger than what is free. */
void acpi_sleep_read(struct acpi_sleep *sleep, const struct acpi_io *io, uint64_t dsdt_address)
{
	static uint8_t chunk[CHUNK_SIZE];
	struct acpi_header header;
	uint32_t at = sizeof(header);

	if (dsdt_address == 0 || !io->read(dsdt_address, &header, sizeof(header)) ||
	    memcmp(header.signature, "DSDT", 4) != 0 || header.length > ACPI_TABLE_MAX) {
		return;
	}
	while (at < header.length) {
		uint32_t size = (uint32_t)min_u64(CHUNK_SIZE, header.length - at);

		if (!io->read(dsdt_address + at, chunk, size)) {
			return;
		}
		acpi_sleep_scan(sleep, chunk, size);
		at += size == CHUNK_SIZE ? CHUNK_SIZE - FORM_SIZE_MAX : size;
	}
}
