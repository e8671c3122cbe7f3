/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ACPI: from the root pointer over the root table to checked copies of all tables. What stands in
 * them is for acpi_madt.c, acpi_fadt.c, acpi_mcfg.c, acpi_hpet.c and acpi_srat.c.
 */
#include "drivers/acpi.h"

#include "core/bytes.h"
#include "core/err.h"
#include "core/log.h"
#include "core/string.h"
#include "drivers/acpi_table.h"

#define RSDP_SIZE        20U /* ACPI 6.5 table 5.3 "RSDP Structure": what ACPI 1.0 had of it */
#define RSDP_EXTENDED    36U
#define EBDA_POINTER     0x40eU /* ACPI 6.5, 5.2.5.1 "Finding the RSDP on IA-PC Systems" */
#define EBDA_SEARCH      1024U
#define BIOS_START       0xe0000U
#define BIOS_SEARCH      0x20000U
#define ROOT_ENTRIES_MAX 1024U /* more are taken for a broken length */

struct acpi acpi;

/* A root pointer that is whole. */
struct rsdp {
	uint64_t address; /* 0: the loader's copy */
	uint8_t revision;
	uint64_t xsdt; /* 0: none */
	uint32_t rsdt;
};

struct parser {
	struct acpi *machine;
	const struct acpi_io *io;
};

uint8_t acpi_checksum(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++) {
		sum = (uint8_t)(sum + bytes[i]);
	}
	return sum;
}

/* Firmware's four letters as text that any console can show. */
static void signature_text(char *to, const char *signature)
{
	for (unsigned i = 0; i < 4; i++) {
		to[i] = signature[i] >= ' ' && signature[i] <= '~' ? signature[i] : '?';
	}
	to[4] = 0;
	if (memcmp(to, "APIC", 4) == 0 || memcmp(to, "FACP", 4) == 0) {
		memcpy(to, to[0] == 'A' ? "MADT" : "FADT", 4); /* what people call them */
	}
}

/* A wrong extended checksum leaves the ACPI 1.0 part, which has a checksum of its own. */
static bool parse_rsdp(struct rsdp *rsdp, const uint8_t *bytes, uint32_t size)
{
	memset(rsdp, 0, sizeof(*rsdp));
	if (size < RSDP_SIZE || memcmp(bytes, "RSD PTR ", 8) != 0) {
		return false;
	}
	if (acpi_checksum(bytes, RSDP_SIZE) != 0) {
		log(LOG_WARN, "acpi: RSDP: checksum is wrong: left out");
		return false;
	}
	rsdp->revision = bytes[15];
	rsdp->rsdt = load_u32(bytes + 16);
	if (rsdp->revision >= 2 && size >= RSDP_EXTENDED) {
		if (load_u32(bytes + 20) >= RSDP_EXTENDED &&
		    acpi_checksum(bytes, RSDP_EXTENDED) == 0) {
			rsdp->xsdt = load_u64(bytes + 24);
		} else {
			log(LOG_WARN, "acpi: RSDP: extended checksum is wrong: XSDT left out");
		}
	}
	return rsdp->xsdt != 0 || rsdp->rsdt != 0;
}

static bool find_rsdp_between(const struct acpi_io *io, uint64_t start, uint64_t size,
			      struct rsdp *rsdp)
{
	uint8_t bytes[RSDP_EXTENDED];

	for (uint64_t address = start; address < start + size; address += 16) {
		uint32_t read_size = RSDP_EXTENDED;

		if (!io->read(address, bytes, 8) || memcmp(bytes, "RSD PTR ", 8) != 0) {
			continue;
		}
		if (!io->read(address, bytes, read_size)) {
			read_size = RSDP_SIZE;
			if (!io->read(address, bytes, read_size)) {
				continue;
			}
		}
		if (parse_rsdp(rsdp, bytes, read_size)) {
			rsdp->address = address;
			return true;
		}
	}
	return false;
}

static bool find_rsdp(const struct acpi_io *io, struct rsdp *rsdp)
{
	uint16_t segment = 0;

	if (io->read(EBDA_POINTER, &segment, sizeof(segment)) && segment != 0 &&
	    find_rsdp_between(io, (uint64_t)segment << 4, EBDA_SEARCH, rsdp)) {
		return true;
	}
	return find_rsdp_between(io, BIOS_START, BIOS_SEARCH, rsdp);
}

/* The checksum of a table where it lies, so that only whole tables take memory. */
static bool is_sum_right(const struct acpi_io *io, uint64_t address, uint32_t length)
{
	uint8_t chunk[256];
	uint8_t sum = 0;

	for (uint32_t at = 0; at < length;) {
		uint32_t size = (uint32_t)min_u64(sizeof(chunk), length - at);

		if (!io->read(address + at, chunk, size)) {
			return false;
		}
		sum = (uint8_t)(sum + acpi_checksum(chunk, size));
		at += size;
	}
	return sum == 0;
}

static bool is_length_right(uint64_t address, const struct acpi_header *header)
{
	return header->length >= sizeof(*header) && header->length <= ACPI_TABLE_MAX &&
	       header->length <= UINT64_MAX - address;
}

/* Our checked copy of the table at address, or NULL, logged. */
static struct acpi_header *copy_table(const struct acpi_io *io, uint64_t address)
{
	struct acpi_header header;
	char name[5];

	if (address > UINT64_MAX - sizeof(header) || !io->read(address, &header, sizeof(header))) {
		log(LOG_WARN, "acpi: table at %llx: no memory there: left out",
		    (unsigned long long)address);
		return NULL;
	}
	signature_text(name, header.signature);
	if (!is_length_right(address, &header)) {
		log(LOG_WARN, "acpi: %s: length %u is wrong: table left out", name, header.length);
		return NULL;
	}
	if (!is_sum_right(io, address, header.length)) {
		log(LOG_WARN, "acpi: %s: checksum is wrong: table left out", name);
		return NULL;
	}
	struct acpi_header *copy = io->alloc(header.length);

	if (copy == NULL) {
		log(LOG_WARN, "acpi: %s: no memory for its %u bytes: table left out", name,
		    header.length);
		return NULL;
	}
	if (!io->read(address, copy, header.length) || copy->length != header.length) {
		log(LOG_WARN, "acpi: %s: changed while it was read: table left out", name);
		return NULL;
	}
	return copy;
}

static bool has_table_at(const struct acpi *machine, uint64_t address)
{
	for (uint32_t i = 0; i < machine->table_count; i++) {
		if (machine->tables[i].address == address) {
			return true;
		}
	}
	return false;
}

static void add_table(struct acpi *machine, const char *signature, uint64_t address,
		      struct acpi_header *copy)
{
	struct acpi_table *table = &machine->tables[machine->table_count++];

	memcpy(table->signature, signature, 4);
	table->signature[4] = 0;
	table->address = address;
	table->copy = copy;
}

static void collect_table(const struct parser *parser, uint64_t address)
{
	struct acpi *machine = parser->machine;

	if (address == 0 || has_table_at(machine, address)) {
		return;
	}
	if (machine->table_count == ACPI_TABLES_MAX) {
		log(LOG_WARN, "acpi: table at %llx: one too many: left out",
		    (unsigned long long)address);
		return;
	}
	struct acpi_header *copy = copy_table(parser->io, address);

	if (copy != NULL) {
		add_table(machine, copy->signature, address, copy);
	}
}

/* All tables that a root table of 8-byte (XSDT) or 4-byte (RSDT) entries names. */
static bool collect_tables(const struct parser *parser, uint64_t address, const char *signature)
{
	struct acpi_header *root = address == 0 ? NULL : copy_table(parser->io, address);
	uint32_t entry_size = signature[0] == 'X' ? 8 : 4;

	if (root == NULL) {
		return false;
	}
	if (memcmp(root->signature, signature, 4) != 0) {
		log(LOG_WARN, "acpi: %s: signature is wrong: table left out", signature);
		return false;
	}
	uint32_t count = (root->length - (uint32_t)sizeof(*root)) / entry_size;

	if (count > ROOT_ENTRIES_MAX) {
		log(LOG_WARN, "acpi: %s: %u entries are too many: rest left out", signature, count);
		count = ROOT_ENTRIES_MAX;
	}
	const uint8_t *entry = (const uint8_t *)(root + 1);

	for (uint32_t i = 0; i < count; i++, entry += entry_size) {
		collect_table(parser, entry_size == 8 ? load_u64(entry) : load_u32(entry));
	}
	return true;
}

bool acpi_table_is_whole(const struct acpi_header *table, const char *name, uint32_t least)
{
	if (table->length < least) {
		log(LOG_WARN, "acpi: %s: length %u is too small", name, table->length);
		return false;
	}
	return true;
}

bool acpi_table_next(const struct acpi_header *table, uint32_t *offset, struct acpi_entry *entry)
{
	const uint8_t *at = (const uint8_t *)table + *offset;

	if (table->length < 2 || *offset > table->length - 2 || at[1] < 2 ||
	    at[1] > table->length - *offset) {
		return false;
	}
	*entry = (struct acpi_entry){ .at = at, .type = at[0], .size = at[1] };
	*offset += entry->size;
	return true;
}

void acpi_table_check(const struct acpi_header *table, uint32_t offset)
{
	struct acpi_entry entry;
	char name[5];

	while (acpi_table_next(table, &offset, &entry)) {
	}
	if (offset < table->length) {
		signature_text(name, table->signature);
		log(LOG_WARN, "acpi: %s: entry at %u: length is wrong: rest left out", name,
		    offset);
	}
}

const struct acpi_table *acpi_find(const struct acpi *machine, const char *signature, uint32_t n)
{
	for (uint32_t i = 0; i < machine->table_count; i++) {
		if (strcmp(machine->tables[i].signature, signature) == 0 && n-- == 0) {
			return &machine->tables[i];
		}
	}
	return NULL;
}

static const struct acpi_header *find_copy(const struct acpi *machine, const char *signature)
{
	const struct acpi_table *table = acpi_find(machine, signature, 0);

	return table == NULL ? NULL : table->copy;
}

/* One for each of them. */
static void parse_hpets(struct acpi *machine)
{
	const struct acpi_table *table;

	for (uint32_t n = 0; (table = acpi_find(machine, "HPET", n)) != NULL; n++) {
		if (table->copy != NULL) {
			acpi_hpet_parse(machine, table->copy);
		}
	}
}

static void parse_tables(const struct parser *parser)
{
	struct acpi *machine = parser->machine;
	const struct acpi_header *madt = find_copy(machine, "APIC");
	const struct acpi_header *fadt = find_copy(machine, "FACP");
	const struct acpi_header *mcfg = find_copy(machine, "MCFG");
	const struct acpi_header *srat = find_copy(machine, "SRAT");

	if (madt != NULL) {
		acpi_madt_parse(machine, parser->io, madt);
	}
	if (fadt != NULL) {
		acpi_fadt_parse(machine, fadt);
	}
	if (mcfg != NULL) {
		acpi_mcfg_parse(machine, mcfg);
	}
	parse_hpets(machine);
	if (srat != NULL) {
		acpi_srat_parse(machine, srat);
	}
}

int acpi_parse(struct acpi *machine, const struct acpi_io *io, const uint8_t *rsdp,
	       uint32_t rsdp_size)
{
	struct parser parser = { machine, io };
	struct rsdp root;

	memset(machine, 0, sizeof(*machine));
	if (!parse_rsdp(&root, rsdp, rsdp_size) && !find_rsdp(io, &root)) {
		log(LOG_INFO, "acpi: no root pointer");
		return -E_NOENT;
	}
	machine->rsdp_address = root.address;
	machine->rsdp_revision = root.revision;
	if (!collect_tables(&parser, root.xsdt, "XSDT") &&
	    !collect_tables(&parser, root.rsdt, "RSDT")) {
		log(LOG_WARN, "acpi: no root table");
		return -E_NOENT;
	}
	machine->present = true;
	parse_tables(&parser);
	return 0;
}
