; SPDX-License-Identifier: GPL-2.0-only
; From a multiboot2 loader's 32-bit entry to C in the upper half. Position-independent until then.
; Multiboot2 3.1 "OS image format", 3.3 "I386 machine state". What follows is multiboot2_main()'s.

%include "offsets.inc"

HEADER_MAGIC		equ 0xe85250d6
LOADER_MAGIC		equ 0x36d76289
TAG_END			equ 0
TAG_REQUEST		equ 1
TAG_FRAMEBUFFER		equ 5
TAG_ALIGN_MODULES	equ 6
TAG_RELOCATABLE		equ 10
OPTIONAL		equ 1
PREFER_HIGH		equ 2		; the low memory is the control guest's: its kernel wants 16 MiB
ALIGN_2M		equ 0x200000

COM1			equ 0x3f8
COM1_LINE_STATUS	equ COM1 + 5
LINE_STATUS_EMPTY	equ 0x20

PTE_TABLE		equ 0x003	; present, writable
PTE_LARGE		equ 0x083	; the same and a 2 MiB leaf

SELECTOR_CODE		equ 0x08
SELECTOR_DATA		equ 0x10

; Offset in the image of a symbol that is linked in the upper half.
%define image_offset(symbol) (symbol - LAYOUT_IMAGE_BASE)

extern multiboot2_main
extern image_end

bits 32
section .boot progbits alloc exec nowrite align=16
boot_image:					; offset 0 of the image
header:
	dd HEADER_MAGIC
	dd 0				; i386, protected mode
	dd header_end - header
	dd -(HEADER_MAGIC + (header_end - header))

	align 8
request:
	dw TAG_REQUEST, OPTIONAL
	dd request_end - request
	dd 1, 2, 3, 6, 8		; command line, loader, modules, map, framebuffer
	dd 12, 14, 15, 17		; EFI table, RSDPs, EFI map
request_end:
	align 8
	dw TAG_FRAMEBUFFER, OPTIONAL	; without it loaders leave the machine in text mode
	dd 20
	dd 0, 0, 0			; width, height, depth: whatever the loader prefers
	align 8
	dw TAG_ALIGN_MODULES, OPTIONAL
	dd 8
	align 8
	dw TAG_RELOCATABLE, 0
	dd 24
	dd 0x100000, 0xffffffff, ALIGN_2M, PREFER_HIGH
	align 8
	dw TAG_END, 0
	dd 8
header_end:

; void boot_entry(void): the loader's jump
; In:    eax = loader's magic, ebx = boot information (physical), flat 32-bit segments, no stack
; Out:   never; ebp = physical address of the image from .located on
global boot_entry
boot_entry:
	cli
	cld
	cmp	eax, LOADER_MAGIC
	jne	.foreign_loader
	lea	esp, [ebx + 8]		; the only memory that is known to be ours to write: the
	call	.located		; reserved word of the boot information
.located:
	pop	ebp
	sub	ebp, .located - boot_image
	lea	esp, [ebp + image_offset(boot_stack_top)]

	push	ebx
	mov	eax, 0x80000000
	cpuid
	cmp	eax, 0x80000001
	jb	.no_long_mode
	mov	eax, 0x80000001
	cpuid
	pop	ebx
	bt	edx, 29
	jnc	.no_long_mode
	bt	edx, 20
	jnc	.no_execute
	call	build_tables
	jmp	enter_long_mode

.foreign_loader:
	mov	esp, 0x7000		; a PC's conventional memory; nothing runs after the message
	call	.located_foreign
.located_foreign:
	pop	ebp
	sub	ebp, .located_foreign - boot_image
	mov	esi, text_foreign - boot_image
	jmp	refuse_early
.no_long_mode:
	mov	esi, text_no_long_mode - boot_image
	jmp	refuse_early
.no_execute:
	mov	esi, text_no_execute - boot_image
	jmp	refuse_early

; void build_tables(void): identity map of the first 4 GiB, and the image at LAYOUT_IMAGE_BASE
; In:    ebp = image     Clobbers: eax ecx edx edi
; All in 2 MiB leaves with every right: hyp_map_init() replaces them by tables that divide rights.
build_tables:
	lea	edi, [ebp + image_offset(boot_tables)]
	lea	eax, [edi + 0x1000 + PTE_TABLE]
	mov	[edi], eax			; slot 0 of the root: identity
	lea	eax, [edi + 0x2000 + PTE_TABLE]
	mov	[edi + 511 * 8], eax		; slot 511: LAYOUT_IMAGE_BASE
	lea	eax, [edi + 0x3000 + PTE_TABLE]
	mov	[edi + 0x2000 + 510 * 8], eax	; its GiB
	lea	eax, [edi + 0x4000 + PTE_TABLE]
	xor	ecx, ecx
.directory:
	mov	[edi + 0x1000 + ecx * 8], eax
	add	eax, 0x1000
	inc	ecx
	cmp	ecx, 4
	jb	.directory

	mov	eax, PTE_LARGE
	xor	ecx, ecx
.identity:
	mov	[edi + 0x4000 + ecx * 8], eax
	add	eax, ALIGN_2M
	inc	ecx
	cmp	ecx, 4 * 512
	jb	.identity

	lea	eax, [ebp + PTE_LARGE]
	xor	ecx, ecx
.image:
	mov	[edi + 0x3000 + ecx * 8], eax
	add	eax, ALIGN_2M
	inc	ecx
	cmp	ecx, LAYOUT_IMAGE_MAX / ALIGN_2M
	jb	.image
	ret

; void enter_long_mode(void)
; In:    ebp = image, ebx = boot information     Out: at boot_upper, rdi = boot information, rsi = image
; Order: PAE and the root before EFER.LME, paging last (APM2 14.6 "Enabling and Activating Long Mode").
enter_long_mode:
	mov	eax, CR4_PAE
	mov	cr4, eax
	lea	eax, [ebp + image_offset(boot_tables)]
	mov	cr3, eax
	mov	ecx, MSR_EFER
	rdmsr
	or	eax, EFER_LME | EFER_NXE
	wrmsr
	mov	eax, CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG
	mov	cr0, eax			; CD and NW are cleared: some firmware leaves them set

	lea	eax, [ebp + gdt - boot_image]
	mov	[ebp + gdt_pointer.base - boot_image], eax
	lgdt	[ebp + gdt_pointer - boot_image]
	push	dword SELECTOR_CODE
	lea	eax, [ebp + .long_mode - boot_image]
	push	eax
	retf
bits 64
.long_mode:
	mov	edi, ebx
	mov	esi, ebp
	mov	rax, boot_upper
	jmp	rax

bits 32
; noreturn void refuse_early(void): says on COM1 why this machine can not be used
; In:    ebp = image, esi = offset of the text in the image
refuse_early:
	add	esi, ebp
.next:
	lodsb
	test	al, al
	jz	.halt
	mov	ah, al
	mov	ecx, 100000			; a missing UART reads all ones, a dead one never empties
.wait:
	mov	dx, COM1_LINE_STATUS
	in	al, dx
	test	al, LINE_STATUS_EMPTY
	loopz	.wait
	mov	al, ah
	mov	dx, COM1
	out	dx, al
	jmp	.next
.halt:
	cli
	hlt
	jmp	.halt

text_foreign:
	db 13, 10, "caisson: refused to start: not loaded by a multiboot2 loader; use GRUB's multiboot2 command", 13, 10, 0
text_no_long_mode:
	db 13, 10, "caisson: refused to start: this CPU has no 64-bit mode (CPUID 80000001 EDX[29])", 13, 10, 0
text_no_execute:
	db 13, 10, "caisson: refused to start: no-execute pages are missing or off (CPUID 80000001 EDX[20]); enable them in the firmware", 13, 10, 0

	align 8
gdt:
	dq 0
	dq 0x00209b0000000000			; code: 64-bit, present, accessed
	dq 0x0000930000000000			; data: present, writable, accessed
gdt_end:
gdt_pointer:
	dw gdt_end - gdt - 1
.base:	dd 0

bits 64
default rel
section .text

; noreturn void boot_upper(const void *information, uint64_t image)
; In:    rdi = boot information (physical), rsi = image, upper half mapped
; The descriptor table moves to the upper half too: the identity map goes away in hyp_map_init().
boot_upper:
	lgdt	[upper_gdt_pointer]
	mov	eax, SELECTOR_DATA
	mov	ss, eax
	mov	ds, eax
	mov	es, eax
	xor	eax, eax
	mov	fs, eax
	mov	gs, eax
	lldt	ax
	lea	rsp, [boot_stack_top]
	xor	ebp, ebp			; ends the chain of frames for backtraces
	push	rbp
	push	rbp
	call	multiboot2_main
	ud2

section .rodata
	align 8
upper_gdt:
	dq 0
	dq 0x00209b0000000000
	dq 0x0000930000000000
upper_gdt_end:
upper_gdt_pointer:
	dw upper_gdt_end - upper_gdt - 1
	dq upper_gdt

section .bss
	alignb 4096
boot_tables:					; root, 2 x level 2, image directory, 4 x directory
	resb 8 * 4096
boot_stack:
	resb BOOT_STACK_SIZE
boot_stack_top:
