# SPDX-License-Identifier: GPL-2.0-only
# Builds the hypervisor, its host tests, micro-guests and images. `make help` lists the targets.

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SECONDARY:

BUILD  := build
ARCH   := x86
CC     := gcc
LD     := ld
NASM   := nasm
CLANG  := clang
SECONDS_EACH ?= 60

all: hypervisor guests

## Hypervisor ---------------------------------------------------------------------------------------

C_DIRS   := boot boot/multiboot2 core mm arch/$(ARCH) drivers drivers/virtual
ASM_DIRS := boot/multiboot2 arch/$(ARCH)
OFFSETS  := arch/$(ARCH)/offsets.c
C_SRCS   := $(filter-out $(OFFSETS),$(foreach d,$(C_DIRS),$(wildcard $(d)/*.c)))
ASM_SRCS := $(foreach d,$(ASM_DIRS),$(wildcard $(d)/*.asm))
OBJS     := $(C_SRCS:%=$(BUILD)/obj/%.o) $(ASM_SRCS:%=$(BUILD)/obj/%.o)
SCRIPT   := $(wildcard arch/$(ARCH)/caisson.ld)

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wconversion -Wsign-conversion -Wcast-qual \
	-Wmissing-prototypes -Wstrict-prototypes -Wvla -Wswitch-enum -Wundef
INCLUDES := -I. -I$(BUILD)/include
FREESTANDING := -std=gnu11 -ffreestanding -mno-red-zone -mgeneral-regs-only -fno-pic \
	-fno-stack-protector -fno-omit-frame-pointer -fno-strict-aliasing -fno-asynchronous-unwind-tables \
	-fcf-protection=none -O2 -g -ffile-prefix-map=$(CURDIR)=. $(WARNINGS)
CFLAGS   := $(FREESTANDING) -mcmodel=kernel $(INCLUDES)
NASMFLAGS := -f elf64 -g -F dwarf -Werror \
	-I./ -I$(BUILD)/include/ -I$(BUILD)/obj/
LDFLAGS  := -nostdlib -static -z max-page-size=0x1000 -z noexecstack --build-id=none

ARCH_LINK := $(BUILD)/include/arch
FAKE_LINK := $(BUILD)/unit/include/arch

$(ARCH_LINK) $(FAKE_LINK):
	@mkdir -p $(@D) && ln -sfn $(CURDIR)/$(if $(findstring unit,$@),tests/fake_arch,arch/$(ARCH)) $@

ifneq ($(SCRIPT),)
hypervisor: $(BUILD)/caisson.elf
else
hypervisor: $(OBJS)
	@echo "note: no arch/$(ARCH)/caisson.ld yet, nothing to link"
endif

$(BUILD)/obj/%.c.o: %.c Makefile | $(ARCH_LINK)
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/obj/%.asm.o: %.asm Makefile $(if $(wildcard $(OFFSETS)),$(BUILD)/obj/offsets.inc) | $(ARCH_LINK)
	@mkdir -p $(@D)
	@echo "  NASM  $<"
	@$(NASM) $(NASMFLAGS) -MD $(@:.o=.d) -MP -MQ $@ $< -o $@

# Structure offsets for the assembler: core/offsets.h marks them in the compiler's output.
$(BUILD)/obj/offsets.inc: $(OFFSETS) scripts/gen_offsets Makefile | $(ARCH_LINK)
	@mkdir -p $(@D)
	@echo "  GEN   $@"
	@$(CC) $(CFLAGS) -MMD -MP -MT $@ -MF $(BUILD)/obj/offsets.d -S $< -o $(BUILD)/obj/offsets.s
	@scripts/gen_offsets $(BUILD)/obj/offsets.s > $@

# Backtraces need the symbol table inside of the image. A first link with an empty table gives the
# symbols, a second one with the table gives their final addresses, the third carries those.
$(BUILD)/caisson.elf: $(OBJS) $(SCRIPT) scripts/link_symbols
	@echo "  LD    $@"
	@scripts/link_symbols $@ $(SCRIPT) "$(CC) $(CFLAGS)" "$(LD) $(LDFLAGS)" $(OBJS)

## Host tests: build/unit/NAME, build/fuzz/NAME -------------------------------------------------------

# A test names the sources it links in a line `/* sources: mm/pt.c core/foo.c */`; `/* arch: x86 */`
# makes "arch/..." the real architecture and leaves tests/fake_arch out.
HOST_FLAGS  := -std=gnu11 -O1 -g -Wall -Wextra -Werror -fno-builtin-log -fno-omit-frame-pointer \
	-fno-strict-aliasing
UNIT_FLAGS  := $(HOST_FLAGS) -fsanitize=address,undefined -fno-sanitize-recover=all
# libFuzzer calls the C library's log(), so the tree's has another name there.
FUZZ_FLAGS  := $(HOST_FLAGS) -Dlog=log_line -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
UNITS       := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*_test.c))
FUZZERS     := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FAKE_SRCS   := $(wildcard tests/fake_arch/*.c)

test_sources = $(shell sed -n 's,^/\* sources: \(.*\)\*/.*,\1,p' $(1))
test_arch    = $(if $(shell grep -l '^/\* arch: x86 \*/' $(1)),real,fake)

# host_rules: 1 kind (unit, fuzz), 2 architecture (real, fake), 3 compiler and flags, 4 include path
define host_rules
$(BUILD)/$(1)/$(2)/%.o: %.c Makefile | $(ARCH_LINK) $(FAKE_LINK)
	@mkdir -p $$(@D)
	@$(3) $(4) -MMD -MP -c $$< -o $$@
endef
# host_binary: 1 kind, 2 test name, 3 architecture, 4 compiler and flags, 5 libraries
define host_binary
$(BUILD)/$(1)/$(2): $(patsubst %.c,$(BUILD)/$(1)/$(3)/%.o,tests/$(1)/$(2).c \
		$(call test_sources,tests/$(1)/$(2).c) $(if $(filter fake,$(3)),$(FAKE_SRCS)))
	@echo "  TEST  $$@"
	@$(4) $$^ $(5) -o $$@
endef
FAKE_PATH := -I$(BUILD)/unit/include -I.
$(eval $(call host_rules,unit,real,$(CC) $(UNIT_FLAGS),$(INCLUDES)))
$(eval $(call host_rules,unit,fake,$(CC) $(UNIT_FLAGS),$(FAKE_PATH)))
$(eval $(call host_rules,fuzz,real,$(CLANG) $(FUZZ_FLAGS),$(INCLUDES)))
$(eval $(call host_rules,fuzz,fake,$(CLANG) $(FUZZ_FLAGS),$(FAKE_PATH)))
$(foreach t,$(UNITS),$(eval $(call host_binary,unit,$(t),$(call test_arch,tests/unit/$(t).c),$(CC) $(UNIT_FLAGS),-lcmocka)))
$(foreach t,$(FUZZERS),$(eval $(call host_binary,fuzz,$(t),$(call test_arch,tests/fuzz/$(t).c),$(CLANG) $(FUZZ_FLAGS),-lcmocka)))

unit: $(UNITS:%=$(BUILD)/unit/%)
	@scripts/unit $^

fuzzers: $(FUZZERS:%=$(BUILD)/fuzz/%)
fuzz: fuzzers
	@scripts/fuzz $(SECONDS_EACH) $(FUZZERS:%=$(BUILD)/fuzz/%)

## Micro-guests: build/guest/NAME.elf -----------------------------------------------------------------

GUEST_LIB   := $(wildcard guests/lib/*.c guests/lib/*.asm)
GUEST_LD    := $(wildcard guests/lib/guest.ld)
GUESTS      := $(if $(GUEST_LD),$(patsubst tests/guest/%/,%,$(sort $(dir $(wildcard tests/guest/*/*.c)))))
GUEST_FLAGS := $(FREESTANDING) -mcmodel=small $(INCLUDES)

$(BUILD)/guest/obj/%.c.o: %.c Makefile | $(ARCH_LINK)
	@mkdir -p $(@D)
	@$(CC) $(GUEST_FLAGS) -MMD -MP -c $< -o $@

$(BUILD)/guest/obj/%.asm.o: %.asm Makefile | $(ARCH_LINK)
	@mkdir -p $(@D)
	@$(NASM) $(NASMFLAGS) -MD $(@:.o=.d) -MP -MQ $@ $< -o $@

define guest_binary
$(BUILD)/guest/$(1).elf: $(patsubst %,$(BUILD)/guest/obj/%.o,$(wildcard tests/guest/$(1)/*.c \
		tests/guest/$(1)/*.asm) $(GUEST_LIB)) $(GUEST_LD)
	@echo "  GUEST $$@"
	@$(LD) -nostdlib -static -z max-page-size=0x1000 -z noexecstack --build-id=none \
		--no-warn-rwx-segments -T $(GUEST_LD) $$(filter %.o,$$^) -o $$@
endef
$(foreach g,$(GUESTS),$(eval $(call guest_binary,$(g))))

guests: $(GUESTS:%=$(BUILD)/guest/%.elf)

## Control guest and image -----------------------------------------------------------------------------

# control-NAME: the same around another of Debian's kernels, in $(BUILD)/control-NAME.
PACKAGE_generic := linux-image-amd64
PACKAGE_6.12    := linux-image-cloud-amd64/bookworm-backports
KERNELS         := control control-generic control-6.12

$(KERNELS): %: $(BUILD)/%/initrd.img
$(BUILD)/control/initrd.img: $(wildcard guests/control/*)
	@guests/control/build $(@D)
$(BUILD)/control-%/initrd.img: $(wildcard guests/control/*)
	@guests/control/build --package $(PACKAGE_$*) $(@D)

# For make bench: with KVM, QEMU and the micro-guest that they run.
KVM_MODULES := kvm_amd vfio_pci vfio_iommu_type1
KVM_FILES   := tests/bench/kvm $(BUILD)/guest/bench_msi.elf
$(BUILD)/bench-kvm/initrd.img: tests/bench/qemu_files $(KVM_FILES) $(wildcard guests/control/*)
	@guests/control/build $(KVM_MODULES:%=--module %) $(KVM_FILES:%=--file %) \
		$$(tests/bench/qemu_files | sed 's/^/--file /') $(@D)

# For make bench: with a program that reads disks.
$(BUILD)/bench/initrd.img: tests/bench/disk.c $(BUILD)/control/initrd.img
	@mkdir -p $(@D)/bin
	@$(CC) -O2 -Wall -Wextra -Werror -static -s $< -o $(@D)/bin/disk
	@(cat $(BUILD)/control/initrd.img; cd $(@D); echo bin/disk | busybox cpio -o -H newc 2>/dev/null) > $@

## What people call -----------------------------------------------------------------------------------

run:
	@scripts/deps
	@$(MAKE) --no-print-directory hypervisor control
	@if [ -t 0 ] && [ -t 1 ]; then scripts/run; else \
		scripts/run --timeout 300 --cmdline "console=ttyS0,115200 caisson.poweroff" </dev/null; fi

image: hypervisor control
	@CAISSON_BUILT=1 scripts/image

check-fast: hypervisor guests unit
	@scripts/check --only layers,licence,conditionals,words,sizes,format

check:
	@scripts/check

test:
	@scripts/test

test-full:
	@scripts/test --full

bench: hypervisor guests control $(BUILD)/bench/initrd.img $(BUILD)/bench-kvm/initrd.img
	@CAISSON_BUILT=1 scripts/bench

clean:
	rm -rf $(BUILD)

help:
	@echo "make             build $(BUILD)/caisson.elf and the micro-guests"
	@echo "make run         install what is missing, build, boot in QEMU to the control guest's shell"
	@echo "make test        all tests: unit, style, fuzzers for 5 s each, machines (12 minutes at most)"
	@echo "make test-full   whole products and soaks too; goes on where it was interrupted"
	@echo "make unit        host unit tests, with address and undefined-behaviour sanitizers"
	@echo "make check       style, layering, sizes, linters"
	@echo "make check-fast  build, unit tests, the quick checks: before every commit"
	@echo "make fuzz        fuzzers, SECONDS_EACH=$(SECONDS_EACH) each"
	@echo "make bench       figures, beside targets and peers"
	@echo "make control-generic control-6.12: control guests around other kernels of Debian's"
	@echo "make image       $(BUILD)/caisson.img: boots from a stick, a disk or a CD, on BIOS and UEFI"
	@echo "make clean       remove $(BUILD)"

# For scripts/check, which compiles as the build does, also in a tree that was not built.
print-%: | $(ARCH_LINK) $(FAKE_LINK)
	@echo '$($*)'

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: all run hypervisor guests $(KERNELS) unit fuzzers fuzz image check check-fast test test-full bench clean help
