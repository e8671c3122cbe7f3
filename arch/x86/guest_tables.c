/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest's RSDP, XSDT and MADT. ACPI 6.5, chapter 5.2. */
#include "arch/guest_tables.h"

#include "core/bits.h"
#include "core/bytes.h"
#include "core/err.h"
#include "core/string.h"

#define RSDP_SIZE        36U
#define ALIGNMENT        16U
#define HEADER_SIZE      ((uint32_t)sizeof(struct acpi_header))
#define MADT_FIXED       44U /* ACPI 6.5 table 5.19 */
#define MADT_FLAGS       40U
#define FLAG_PCAT_COMPAT 1U
#define MADT_LAPIC       0 /* table 5.21 "Interrupt Controller Structure Types" */
#define MADT_IOAPIC      1
#define MADT_OVERRIDE    2
#define MADT_NMI_SOURCE  3
#define MADT_LAPIC_NMI   4
#define MADT_X2APIC      9
#define LAPIC_SIZE       8U
#define LAPIC_NMI_SIZE   6U
#define X2APIC_SIZE      16U
#define CPU_ENABLED      1U
#define EVERY_CPU        0xff
#define APIC_ID_MAX      0xfeU /* of an entry with 8 bits */

/* Memory that is filled from its start on. */
struct builder {
	const struct guest_tables *tables;
	uint8_t *to;
	size_t size;
	size_t used;
	uint64_t address;
	bool is_full;
};

/* size zeroed bytes, or NULL and full from then on. */
static uint8_t *take(struct builder *builder, size_t size)
{
	uint8_t *at = builder->to + builder->used;

	if (builder->is_full || size > builder->size - builder->used) {
		builder->is_full = true;
		return NULL;
	}
	memset(at, 0, size);
	builder->used += size;
	return at;
}

static void put(struct builder *builder, const void *from, size_t size)
{
	uint8_t *at = take(builder, size);

	if (at != NULL) {
		memcpy(at, from, size);
	}
}

/* Starts a table with the firmware's header for it. Returns its offset. */
static size_t begin_table(struct builder *builder, const struct acpi_header *model)
{
	(void)take(builder, (size_t)(align_up(builder->used, ALIGNMENT) - builder->used));

	size_t start = builder->used;

	put(builder, model, sizeof(*model));
	return start;
}

/* Sets the length and checksum of what was put since begin_table(). Returns its address. */
static uint64_t end_table(struct builder *builder, size_t start)
{
	uint8_t *table = builder->to + start;

	if (builder->is_full) {
		return 0;
	}
	store_u32(table + offsetof(struct acpi_header, length), (uint32_t)(builder->used - start));
	table[offsetof(struct acpi_header, checksum)] = 0;
	table[offsetof(struct acpi_header, checksum)] =
		(uint8_t)-acpi_checksum(table, builder->used - start);
	return builder->address + start;
}

/* An 8-bit entry where it can say it all: old guests know no other. */
static void put_cpu(struct builder *builder, uint32_t apic_id, uint32_t uid)
{
	bool is_small = apic_id <= APIC_ID_MAX && uid <= UINT8_MAX;
	uint8_t *at = take(builder, is_small ? LAPIC_SIZE : X2APIC_SIZE);

	if (at == NULL) {
		return;
	}
	if (is_small) {
		at[0] = MADT_LAPIC;
		at[1] = LAPIC_SIZE;
		at[2] = (uint8_t)uid;
		at[3] = (uint8_t)apic_id;
		store_u32(at + 4, CPU_ENABLED);
		return;
	}
	at[0] = MADT_X2APIC;
	at[1] = X2APIC_SIZE;
	store_u32(at + 4, apic_id);
	store_u32(at + 8, CPU_ENABLED);
	store_u32(at + 12, uid);
}

/* The NMI pin of one of the machine's CPUs becomes that of every vCPU; one entry is enough. */
static void put_nmi(struct builder *builder, const uint8_t *entry, bool *is_put)
{
	uint8_t nmi[LAPIC_NMI_SIZE];

	if (*is_put || entry[1] < LAPIC_NMI_SIZE) {
		return;
	}
	memcpy(nmi, entry, sizeof(nmi));
	nmi[1] = LAPIC_NMI_SIZE;
	nmi[2] = EVERY_CPU;
	put(builder, nmi, sizeof(nmi));
	*is_put = true;
}

/* The machine's interrupt controllers and lines, as they are. */
static void put_controllers(struct builder *builder, const struct acpi_header *madt)
{
	const uint8_t *bytes = (const uint8_t *)madt;
	bool is_nmi_put = false;

	for (uint32_t at = MADT_FIXED; at + 2 <= madt->length;) {
		const uint8_t *entry = bytes + at;

		if (entry[1] < 2 || entry[1] > madt->length - at) {
			return;
		}
		if (entry[0] == MADT_LAPIC_NMI) {
			put_nmi(builder, entry, &is_nmi_put);
		} else if (entry[0] == MADT_IOAPIC || entry[0] == MADT_OVERRIDE ||
			   entry[0] == MADT_NMI_SOURCE) {
			put(builder, entry, entry[1]);
		}
		at += entry[1];
	}
}

static uint64_t build_madt(struct builder *builder, const struct acpi_header *madt)
{
	const struct guest_tables *tables = builder->tables;
	size_t start = begin_table(builder, madt);
	uint8_t fixed[MADT_FIXED - sizeof(struct acpi_header)] = { 0 };

	store_u32(fixed, tables->machine->lapic_address);
	store_u32(fixed + 4, tables->machine->has_8259 ? FLAG_PCAT_COMPAT : 0);
	put(builder, fixed, sizeof(fixed));
	for (uint32_t i = 0; i < tables->count; i++) {
		put_cpu(builder, tables->apic_ids[i], tables->uids[i]);
	}
	put_controllers(builder, madt);
	return end_table(builder, start);
}

static bool is_signature(const struct acpi_table *table, const char *signature)
{
	return memcmp(table->signature, signature, 4) == 0;
}

/* What describes hardware that is the hypervisor's. */
static bool is_hidden(const struct acpi_table *table)
{
	return is_signature(table, "DMAR") || is_signature(table, "IVRS") ||
	       is_signature(table, "HPET");
}

/* Where the guest finds a table; 0: nowhere. Tables without a copy are named by the FADT only. */
static uint64_t show_table(struct builder *builder, const struct acpi_table *table)
{
	if (table->copy == NULL || is_hidden(table)) {
		return 0;
	}
	if (is_signature(table, "APIC")) {
		bool is_whole = table->copy->length >= MADT_FIXED;

		return is_whole ? build_madt(builder, table->copy) : 0;
	}
	return table->address;
}

static uint64_t build_xsdt(struct builder *builder)
{
	static const struct acpi_header model = {
		.signature = "XSDT",
		.revision = 1,
		.oem_id = "CAISSN",
		.oem_table_id = { 'C', 'A', 'I', 'S', 'S', 'O', 'N', ' ' },
		.creator_id = "CSSN",
	};
	const struct acpi *machine = builder->tables->machine;
	uint64_t addresses[ACPI_TABLES_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < machine->table_count; i++) {
		uint64_t address = show_table(builder, &machine->tables[i]);

		if (address != 0) {
			addresses[count++] = address;
		}
	}
	size_t start = begin_table(builder, &model);

	put(builder, addresses, count * sizeof(addresses[0]));
	return end_table(builder, start);
}

static void build_rsdp(uint8_t *rsdp, uint64_t xsdt)
{
	memset(rsdp, 0, RSDP_SIZE);
	memcpy(rsdp, "RSD PTR ", 8); /* ACPI 6.5 table 5.3 "RSDP Structure" */
	memcpy(rsdp + 9, "CAISSN", 6);
	rsdp[15] = 2; /* with an XSDT */
	store_u32(rsdp + 20, RSDP_SIZE);
	store_u64(rsdp + 24, xsdt);
	rsdp[8] = (uint8_t)-acpi_checksum(rsdp, 20);
	rsdp[32] = (uint8_t)-acpi_checksum(rsdp, RSDP_SIZE);
}

static bool has_uid(const struct acpi *machine, uint32_t uid)
{
	for (uint32_t i = 0; i < machine->cpu_possible; i++) {
		if (machine->cpus[i].uid == uid) {
			return true;
		}
	}
	return false;
}

void guest_tables_choose_uids(const struct acpi *machine, uint32_t *uids, uint32_t count)
{
	uint32_t spare = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (i < machine->cpu_count) {
			uids[i] = machine->cpus[i].uid;
			continue;
		}
		while (has_uid(machine, spare)) {
			spare++;
		}
		uids[i] = spare++;
	}
}

size_t guest_tables_size(const struct guest_tables *tables)
{
	const struct acpi *machine = tables->machine;
	size_t size = RSDP_SIZE + 4 * ALIGNMENT + HEADER_SIZE + ACPI_TABLES_MAX * sizeof(uint64_t);

	if (machine->table_count == 0) {
		return 0;
	}
	for (uint32_t i = 0; i < machine->table_count; i++) {
		const struct acpi_table *table = &machine->tables[i];

		if (table->copy != NULL && is_signature(table, "APIC")) {
			size += ALIGNMENT + table->copy->length + MADT_FIXED;
			size += tables->count * X2APIC_SIZE;
		}
	}
	return size;
}

int guest_tables_build(const struct guest_tables *tables, void *to, size_t size, uint64_t address)
{
	struct builder builder = { .tables = tables, .to = to, .size = size, .address = address };
	uint8_t *rsdp;

	if (tables->machine->table_count == 0) {
		return -E_NOENT;
	}
	rsdp = take(&builder, RSDP_SIZE);

	uint64_t xsdt = build_xsdt(&builder);

	if (builder.is_full) {
		return -E_NOMEM;
	}
	build_rsdp(rsdp, xsdt);
	return 0;
}
