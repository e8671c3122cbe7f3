/* SPDX-License-Identifier: GPL-2.0-only */
/* kexec [-p] KERNEL INITRD COMMAND-LINE: loads what a kexec reboot, or with -p a panic, starts. */
#include <fcntl.h>
#include <linux/kexec.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_file(const char *name)
{
	int file = open(name, O_RDONLY);

	if (file < 0) {
		perror(name);
	}
	return file;
}

int main(int argc, char **argv)
{
	int is_panic = argc > 1 && strcmp(argv[1], "-p") == 0;
	char **words = argv + is_panic;

	if (argc - is_panic != 4) {
		fprintf(stderr, "usage: kexec [-p] KERNEL INITRD COMMAND-LINE\n");
		return 2;
	}
	int kernel = open_file(words[1]), initrd = open_file(words[2]);

	if (kernel < 0 || initrd < 0) {
		return 1;
	}
	/* The length counts the terminating zero. */
	if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(words[3]) + 1, words[3],
		    (unsigned long)(is_panic ? KEXEC_FILE_ON_CRASH : 0)) != 0) {
		perror("kexec_file_load");
		return 1;
	}
	return 0;
}
