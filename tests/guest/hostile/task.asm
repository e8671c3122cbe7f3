; SPDX-License-Identifier: GPL-2.0-only
; A hardware task switch, which only legacy mode has.

%include "guests/lib/selectors.inc"

TASK            equ SELECTOR_TSS + 62 * 16
EFER_NUMBER     equ 0xc0000080
EFER_LME        equ 0x100
CR0_PG          equ 0x80000000

        global  hostile_task_switch

section .text
bits 64
; void hostile_task_switch(void): does not come back.
hostile_task_switch:
        push    qword SELECTOR_CODE32
        push    qword .compatibility
        retfq
bits 32
.compatibility:
        mov     eax, SELECTOR_DATA
        mov     ds, eax
        mov     ss, eax
        mov     eax, cr0
        and     eax, ~CR0_PG
        mov     cr0, eax
        mov     ecx, EFER_NUMBER
        rdmsr
        and     eax, ~EFER_LME
        wrmsr
        jmp     dword TASK:0
