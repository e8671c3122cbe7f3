; SPDX-License-Identifier: GPL-2.0-only
; The first instructions of a started CPU: real mode to long mode, then into the image. smp.c copies
; what lies between ap_start_begin and ap_start_end to a page below 1 MiB and fills in the parameters.

extern smp_arrive

CR0_AWAKE	equ 0x00000031			; PE, ET, NE: caching on, whatever firmware left
CR0_PAGING	equ 0x80010000			; PG, WP
CR4_PAE		equ 0x00000020
MSR_EFER	equ 0xc0000080
EFER_LME_NXE	equ 0x00000900

%define HERE(label) (label - ap_start_begin)

section .rodata

	align 16
global ap_start_begin
ap_start_begin:
; Real mode, CS:IP = page / 16 : 0, from the startup message. The page is writable still: what needs
; the page's address is written into it, ahead of the mode that needs it.
bits 16
	cli
	cld
	mov	ax, cs
	mov	ds, ax
	movzx	ebx, ax
	shl	ebx, 4				; ebx = the page's address
	lea	eax, [ebx + HERE(gdt)]
	mov	[HERE(gdt_pointer) + 2], eax
	lea	eax, [ebx + HERE(protected)]
	mov	[HERE(far_protected)], eax
	lea	eax, [ebx + HERE(long_mode)]
	mov	[HERE(far_long)], eax
	o32 lgdt [HERE(gdt_pointer)]
	mov	eax, CR0_AWAKE
	mov	cr0, eax
	jmp	dword far [HERE(far_protected)]

; Protected mode: paging goes on with long mode enabled, APM2 14.6.1 "Activating Long Mode". No-execute
; comes first, for the tables have such pages.
bits 32
protected:
	mov	ax, SELECTOR_DATA
	mov	ds, ax
	mov	ss, ax
	mov	eax, CR4_PAE
	mov	cr4, eax
	mov	eax, [ebx + HERE(ap_start_parameters.start_root)]
	mov	cr3, eax
	mov	ecx, MSR_EFER
	rdmsr
	or	eax, EFER_LME_NXE
	wrmsr
	mov	eax, CR0_AWAKE | CR0_PAGING
	mov	cr0, eax
	jmp	far [ebx + HERE(far_long)]

; Long mode. The CPU's own tables do not have this page: they are loaded in the image.
bits 64
long_mode:
	mov	ebx, ebx			; upper half: undefined after the change of mode
	mov	rsi, [rbx + HERE(ap_start_parameters.root)]
	mov	rdx, [rbx + HERE(ap_start_parameters.stack_top)]
	mov	rdi, [rbx + HERE(ap_start_parameters.cpu)]
	mov	rax, ap_enter
	jmp	rax

	align 8
gdt:
	dq	0
SELECTOR_CODE	equ $ - gdt
	dq	0x00af9b000000ffff		; 64-bit code
SELECTOR_DATA	equ $ - gdt
	dq	0x00cf93000000ffff
SELECTOR_CODE32	equ $ - gdt
	dq	0x00cf9b000000ffff
gdt_pointer:
	dw	gdt_pointer - gdt - 1
	dd	0
far_protected:
	dd	0
	dw	SELECTOR_CODE32
far_long:
	dd	0
	dw	SELECTOR_CODE

; struct ap_parameters
	align 8
global ap_start_parameters
ap_start_parameters:
.start_root:	dq 0
.root:		dq 0
.stack_top:	dq 0
.cpu:		dq 0
global ap_start_end
ap_start_end:

section .text

; void ap_enter(struct cpu *cpu, hpa_t root, void *stack_top)
; In:    rdi = cpu, rsi = root, rdx = stack_top     Does not return
; A zero frame pointer and return address end backtraces here.
ap_enter:
	mov	cr3, rsi
	mov	rsp, rdx
	xor	ebp, ebp
	push	rbp
	jmp	smp_arrive
