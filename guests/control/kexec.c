/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kexec -l|-p KERNEL INITRD COMMAND-LINE: loads a kernel to go on with, -p after a panic.
 * kexec -e: goes on with it. Without a C library, whose static form is far larger than this.
 */
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <sys/syscall.h>

/* The kernel's answer: negative error numbers. r10, r8: linkage of system calls, not of C. */
static long call(long number, const long arguments[5])
{
	register long fourth asm("r10") = arguments[3];
	register long fifth asm("r8") = arguments[4];
	long result;

	asm volatile("syscall"
		     : "=a"(result)
		     : "a"(number), "D"(arguments[0]), "S"(arguments[1]), "d"(arguments[2]),
		       "r"(fourth), "r"(fifth)
		     : "rcx", "r11", "memory");
	return result;
}

static long length_of(const char *text)
{
	long length = 0;

	while (text[length] != 0) {
		length++;
	}
	return length;
}

static int fail(const char *what)
{
	const char *const words[] = { "kexec: failed: ", what, "\n" };

	for (int i = 0; i < 3; i++) {
		(void)call(SYS_write, (long[5]){ 2, (long)words[i], length_of(words[i]) });
	}
	return 1;
}

static long open_file(const char *name)
{
	return call(SYS_open, (long[5]){ (long)name, O_RDONLY });
}

static int load(char **words, long flags)
{
	long kernel = open_file(words[0]), initrd = open_file(words[1]);
	/* The length counts the terminating zero. */
	long result = call(SYS_kexec_file_load, (long[5]){ kernel, initrd, length_of(words[2]) + 1,
							   (long)words[2], flags });

	if (kernel < 0 || initrd < 0 || result != 0) {
		return fail(kernel < 0 ? words[0] : initrd < 0 ? words[1] : "kexec_file_load");
	}
	return 0;
}

static int run(long count, char **words)
{
	char mode = count > 1 && words[1][0] == '-' ? words[1][1] : 0;

	if (count == 2 && mode == 'e') {
		(void)call(SYS_reboot, (long[5]){ (int)LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
						  LINUX_REBOOT_CMD_KEXEC });
		return fail("no kernel is loaded");
	}
	if (count == 5 && (mode == 'l' || mode == 'p')) {
		return load(words + 2, mode == 'p' ? KEXEC_FILE_ON_CRASH : 0);
	}
	return fail("expected -l|-p KERNEL INITRD COMMAND-LINE, or -e");
}

/* Where the kernel starts us: the number of words, and they, on the stack. */
__attribute__((used)) static void start(long *stack)
{
	(void)call(SYS_exit, (long[5]){ run(stack[0], (char **)(stack + 1)) });
	__builtin_unreachable();
}

asm(".globl _start; _start: mov %rsp, %rdi; and $-16, %rsp; call start");
