; SPDX-License-Identifier: GPL-2.0-only
; The way to real mode and back: long, compatibility, 16-bit protected, real. The 16-bit half is copied
; below 1 MiB by real_init(); CODE16 and DATA16 then have that segment's base.

%include "guests/lib/selectors.inc"

EFER_NUMBER     equ 0xc0000080
EFER_LME        equ 0x100
CR0_PE          equ 0x1
CR0_PG          equ 0x80000000
CR4_PAE         equ 0x20
REAL_CODE       equ 0x1000

        extern  enter_long
        global  real_enter, real_low, real_low_end, real_low_regs

section .text
bits 64
; void real_enter(void): runs what real_call() has put in place.
real_enter:
        push    rbx
        push    rbp
        push    r12
        push    r13
        push    r14
        push    r15
        sidt    [abs saved_idt]
        mov     [abs saved_rsp], rsp
        push    qword SELECTOR_CODE32
        push    qword .compatibility
        retfq
bits 32
.compatibility:
        mov     eax, SELECTOR_DATA
        mov     ss, eax
        mov     eax, cr0
        and     eax, ~CR0_PG
        mov     cr0, eax                ; leaves long mode: EFER.LMA = 0
        mov     ecx, EFER_NUMBER
        rdmsr
        and     eax, ~EFER_LME
        wrmsr
        mov     eax, cr4
        and     eax, ~CR4_PAE
        mov     cr4, eax
        jmp     SELECTOR_CODE16:(low_entry - real_low)

up32:   mov     eax, SELECTOR_DATA
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        mov     ebp, back64
        jmp     enter_long
bits 64
back64: mov     rsp, [abs saved_rsp]
        lidt    [abs saved_idt]
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rbp
        pop     rbx
        ret

bits 16
real_low:
low_entry:
        mov     ax, SELECTOR_DATA16     ; 64 KiB limits, as real mode wants them
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     fs, ax
        mov     gs, ax
        mov     sp, REAL_CODE - 16
        lidt    [low_idt - real_low]
        mov     eax, cr0
        and     al, ~CR0_PE
        mov     cr0, eax
        push    word [low_regs.segment - real_low]
        push    word low_real - real_low
        retf
low_real:
        mov     ax, cs
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     fs, ax
        mov     gs, ax
        push    dword [low_regs.eflags - real_low]
        popfd
        mov     eax, [low_regs.eax - real_low]
        mov     ebx, [low_regs.ebx - real_low]
        mov     ecx, [low_regs.ecx - real_low]
        mov     edx, [low_regs.edx - real_low]
        mov     esi, [low_regs.esi - real_low]
        mov     edi, [low_regs.edi - real_low]
        mov     ebp, [low_regs.ebp - real_low]
        call    real_low + REAL_CODE
        mov     [cs:low_regs.eax - real_low], eax
        mov     [cs:low_regs.ebx - real_low], ebx
        mov     [cs:low_regs.ecx - real_low], ecx
        mov     [cs:low_regs.edx - real_low], edx
        mov     [cs:low_regs.esi - real_low], esi
        mov     [cs:low_regs.edi - real_low], edi
        mov     [cs:low_regs.ebp - real_low], ebp
        pushfd
        pop     dword [cs:low_regs.eflags - real_low]
        cli
        cld
        mov     ax, cs
        mov     ds, ax
        o32 lgdt [low_gdt - real_low]
        mov     eax, cr0
        or      al, CR0_PE
        mov     cr0, eax
        jmp     dword SELECTOR_CODE32:up32

        align   8
low_idt:
        dw      0x3ff
        dd      0
low_gdt:
        dw      GDT_SIZE - 1
        dd      gdt
        align   4
real_low_regs:
low_regs:
.eax:   dd      0
.ebx:   dd      0
.ecx:   dd      0
.edx:   dd      0
.esi:   dd      0
.edi:   dd      0
.ebp:   dd      0
.eflags: dd     0
.segment: dw    0
real_low_end:

        extern  gdt

section .bss
        alignb  8
saved_rsp:
        resq    1
saved_idt:
        resb    10
