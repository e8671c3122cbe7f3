; SPDX-License-Identifier: GPL-2.0-only
; Ring 3 of 32-bit mode with a misaligned stack: every push of an exception's frame is an exception.

%include "guests/lib/selectors.inc"

EFER_NUMBER     equ 0xc0000080
EFER_LME        equ 0x100
CR0_PG          equ 0x80000000
CR0_AM          equ 0x40000
FLAGS_AC        equ 0x40002

        global  loop_alignment, loop_handler, loop_idt, loop_state

section .text
bits 64
; void loop_alignment(uint64_t unused): does not come back. loop_state as main.c has it.
loop_alignment:
        push    qword SELECTOR_CODE32
        push    qword .compatibility
        retfq
bits 32
.compatibility:
        mov     eax, SELECTOR_USER_DATA
        mov     ds, eax
        mov     es, eax
        mov     eax, SELECTOR_DATA
        mov     ss, eax
        mov     esp, stack_top
        mov     eax, cr0
        and     eax, ~CR0_PG
        or      eax, CR0_AM
        mov     cr0, eax
        mov     ecx, EFER_NUMBER
        rdmsr
        and     eax, ~EFER_LME
        wrmsr
        lidt    [loop_idt]
        push    dword SELECTOR_USER_DATA
        push    dword user_stack_top - 1
        push    dword FLAGS_AC
        push    dword SELECTOR_USER_CODE32
        push    dword .user
        iretd
.user:
        mov     dword [loop_state], 1
        mov     eax, [esp - 8]
        mov     dword [loop_state], 2
        jmp     $

loop_handler:
        mov     dword [loop_state], 3
        jmp     $

section .data
        align   4
loop_idt:
        dw      0
        dd      0
        align   4
loop_state:
        dd      0

section .bss
        alignb  16
        resb    512
stack_top:
        resb    512
user_stack_top:
        resb    16
