/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The micro-guest library: a program of a few dozen lines that proves one rule, on the hypervisor
 * or (where the rule is the architecture's) on a bare machine. It runs in 64-bit mode at CPL 0 with
 * the first 4 GiB mapped one to one, interrupts off, the local APIC enabled, SSE on.
 */
#pragma once

#include "arch/msr.h"
#include "core/bits.h"
#include "core/types.h"

/* ---- what a micro-guest provides ---- */

extern const char test_title[];
void test_main(void);

/* ---- verdicts: the worst one counts; none and no check() is an error ---- */

enum verdict { VERDICT_SUCCESS, VERDICT_SKIP, VERDICT_ERROR, VERDICT_FAILURE };

void print(const char *format, ...) printf_like(1);
void report_success(void);
void report_skip(const char *format, ...) printf_like(1);
void report_error(const char *format, ...) printf_like(1);   /* the test is broken */
void report_failure(const char *format, ...) printf_like(1); /* what it tests is */
noreturn void guest_finish(void);

/* Reports a failure where condition is false, and goes on. True where it holds. */
bool check_that(bool condition, const char *format, ...) printf_like(2);
#define check(condition, ...) check_that((condition), __VA_ARGS__)

/* One figure of a benchmark, for the scripts: "bench <name> <instructions>". */
void report_bench(const char *name, uint64_t ticks, uint64_t rounds);

/* ---- the command line: words NAME=VALUE ---- */

const char *guest_word(const char *name); /* "" where it is not there; good until the next call */
uint64_t guest_number(const char *name, uint64_t otherwise); /* decimal, or 0x and hexadecimal */

/* ---- segments, as in selectors.inc ---- */

#define SELECTOR_CODE64      0x08
#define SELECTOR_DATA        0x10
#define SELECTOR_CODE32      0x18
#define SELECTOR_USER_CODE32 0x23
#define SELECTOR_USER_DATA   0x2b
#define SELECTOR_USER_CODE64 0x33
#define SELECTOR_CODE16      0x38
#define SELECTOR_DATA16      0x40
#define SELECTOR_TSS         0x48

#define CPUS_MAX 64

/* ---- traps ---- */

struct trap_frame { /* as traps.asm pushes it */
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

/* What happened during expect_exception(). */
struct trap {
	uint64_t vector; /* TRAP_NONE: nothing */
	uint64_t error, rip, rflags, cr2, dr6;
};

#define TRAP_NONE        256
#define TRAP_USER_RETURN 0x20 /* a function at CPL 3 returned */

enum vector {
	VECTOR_DE,
	VECTOR_DB,
	VECTOR_NMI,
	VECTOR_BP,
	VECTOR_OF,
	VECTOR_BR,
	VECTOR_UD,
	VECTOR_NM,
	VECTOR_DF,
	VECTOR_TS = 10,
	VECTOR_NP,
	VECTOR_SS,
	VECTOR_GP,
	VECTOR_PF,
	VECTOR_MF = 16,
	VECTOR_AC,
	VECTOR_MC,
	VECTOR_XF,
};

/* Runs call(argument) and returns what exception ended it, if one did. May be used on every CPU. */
struct trap expect_exception(void (*call)(uint64_t), uint64_t argument);

/* The same at CPL 3: vector TRAP_USER_RETURN where it returned without an exception. */
struct trap expect_exception_user(void (*call)(uint64_t), uint64_t argument);

/* Checks that call(argument) ends in vector; name is what the message says of it. */
bool check_exception(const char *name, void (*call)(uint64_t), uint64_t argument, unsigned vector);

typedef void trap_handler(struct trap_frame *frame);
void trap_set_handler(unsigned vector, trap_handler *handler); /* NULL: the default again */
uint64_t *trap_gate(unsigned vector);                          /* its two words in the IDT */
void trap_set_ist(unsigned vector, unsigned ist);              /* 0: the current stack */

/* The GDT's words; DATA16's entry is free for tests that do not call real_call(). */
uint64_t *gdt_entry(unsigned selector);

/* ---- memory ---- */

/* The entry that maps address below 4 GiB with a 2 MiB page; flush with invlpg(). */
uint64_t *page_entry(uint64_t address);

#define PAGE_PRESENT  BIT(0)
#define PAGE_WRITE    BIT(1)
#define PAGE_USER     BIT(2)
#define PAGE_ACCESSED BIT(5)
#define PAGE_DIRTY    BIT(6)
#define PAGE_NX       BIT(63)

#define GUEST_SCRATCH  UINT64_C(0x5000000) /* RAM, 2 MiB pages that nobody else uses */
#define GUEST_UNMAPPED UINT64_C(0x500000000000)

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);

/* ---- processors ---- */

unsigned cpu_count(void); /* of the MADT; 0 is the boot CPU */
unsigned cpu_index(void); /* the running CPU's */
uint32_t cpu_apic_id(unsigned index);
/* Starts the others by INIT and SIPI; false with a reported failure where one stays away. */
bool cpu_start_all(void);
/* INIT and SIPI to one that runs: false with a reported failure where it does not come back. */
bool cpu_restart(unsigned index);
void cpu_run(unsigned index, void (*call)(uint64_t), uint64_t argument);
bool cpu_wait(unsigned index); /* false with a reported failure after a while */
void cpu_relax(void);

/* ---- local APIC, through MMIO or MSRs, as the running CPU's mode is ---- */

#define APIC_ID            0x020
#define APIC_VERSION       0x030
#define APIC_TPR           0x080
#define APIC_PPR           0x0a0
#define APIC_EOI           0x0b0
#define APIC_LDR           0x0d0
#define APIC_DFR           0x0e0
#define APIC_SVR           0x0f0
#define APIC_ISR           0x100
#define APIC_TMR           0x180
#define APIC_IRR           0x200
#define APIC_ESR           0x280
#define APIC_ICR           0x300
#define APIC_ICR_HIGH      0x310
#define APIC_LVT_TIMER     0x320
#define APIC_LVT_THERMAL   0x330
#define APIC_LVT_PERF      0x340
#define APIC_LVT_LINT0     0x350
#define APIC_LVT_LINT1     0x360
#define APIC_LVT_ERROR     0x370
#define APIC_TIMER_INITIAL 0x380
#define APIC_TIMER_COUNT   0x390
#define APIC_TIMER_DIVIDE  0x3e0
#define APIC_SELF_IPI      0x3f0 /* x2APIC */

#define ICR_FIXED        (0U << 8)
#define ICR_LOWEST       (1U << 8)
#define ICR_NMI          (4U << 8)
#define ICR_INIT         (5U << 8)
#define ICR_STARTUP      (6U << 8)
#define ICR_LOGICAL      (1U << 11)
#define ICR_PENDING      (1U << 12)
#define ICR_ASSERT       (1U << 14)
#define ICR_SELF         (1U << 18)
#define ICR_ALL          (2U << 18)
#define ICR_OTHERS       (3U << 18)
#define LVT_MASKED       (1U << 16)
#define LVT_PERIODIC     (1U << 17)
#define LVT_TSC_DEADLINE (2U << 17)

uint32_t apic_read(unsigned offset);
void apic_write(unsigned offset, uint32_t value);
uint32_t apic_id(void);
void apic_send(uint32_t destination, uint32_t command); /* waits until it is accepted */
void apic_eoi(void);
void apic_use_x2apic(void); /* the running CPU, and cpu_start_all()'s from then on */
bool apic_is_x2apic(void);
bool apic_bit(unsigned base, unsigned vector); /* of IRR, ISR or TMR */

/* ---- the first IOAPIC ---- */

#define IOAPIC_VERSION 0x01
#define IOAPIC_ENTRY   0x10 /* two registers a pin */
#define IOAPIC_MASKED  (1U << 16)

uint32_t ioapic_read(uint32_t number);
void ioapic_write(uint32_t number, uint32_t value);
void ioapic_route(uint32_t pin, uint64_t entry); /* masked while it changes */
uint32_t ioapic_isa_pin(uint8_t irq);            /* by the MADT's overrides */

/* ---- time ---- */

uint64_t tsc_per_us(void);  /* measured once */
uint64_t tsc_measure(void); /* the same, measured anew */
void delay_us(uint64_t us);
/* Waits until *value is at least wanted, with interrupts as they are; false after us. */
bool wait_for(const volatile uint64_t *value, uint64_t wanted, uint64_t us);
/* The same with interrupts on meanwhile. */
bool wait_for_interrupt(const volatile uint64_t *value, uint64_t wanted, uint64_t us);

/* ---- PCI: functions of bus 0 by device << 3 | function, registers by double words ---- */

#define PCI_NONE     UINT32_MAX
#define PCI_CAP_MSI  0x05
#define PCI_CAP_MSIX 0x11

uint32_t pci_read(unsigned function, unsigned offset);
void pci_write(unsigned function, unsigned offset, uint32_t value);
unsigned pci_find(uint32_t identity);                           /* device << 16 | vendor */
unsigned pci_capability(unsigned function, uint8_t id);         /* 0: none */
volatile uint32_t *pci_bar(unsigned function, unsigned number); /* NULL: out of reach */
volatile uint32_t *pci_enable(unsigned function);               /* its BAR 0 */

/* ---- the hypervisor ---- */

bool hypervisor_present(void); /* Caisson's: tests of the bare architecture need not know */
uint64_t hypercall(uint64_t number, uint64_t argument);

/* The vendor's instruction for it, with RAX, RBX, RCX, RDX, RSI, RDI. */
#define HYPERCALL_REGS 6
void hypercall_raw(uint64_t regs[HYPERCALL_REGS]);
bool cpu_is_intel(void);

/* ---- real mode ---- */

struct real_regs {
	uint32_t eax, ebx, ecx, edx, esi, edi, ebp, eflags;
};

/*
 * Runs size bytes of 16-bit code, ended by a near RET, in real mode at REAL_CODE of the segment
 * that cs, ds, es and ss hold. Boot CPU only, interrupts off.
 */
#define REAL_CODE 0x1000
void real_call(const void *code, size_t size, struct real_regs *regs);
void *real_memory(void); /* where the segment lies */

/* ---- ACPI ---- */

const void *acpi_table(const char *signature); /* NULL: none */
