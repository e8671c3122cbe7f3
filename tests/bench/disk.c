/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * disk DEVICE random|sequential SIZE DEPTH COUNT: reads past the page cache, DEPTH of them at a
 * time, and how many ticks of the TSC they cost. A process that runs when nothing else can keeps
 * the CPU from idling and counts its own ticks, which do not belong to the cost. Before and after,
 * a line "disk-sample" asks for a line from the console.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

#define INTERRUPTED 100 /* ticks between two looks at the TSC, when something was between them */
#define WARM_UP     64
#define SPAN        (UINT64_C(1) << 30)
#define BUFFER      (UINT64_C(2) << 20) /* a huge page: with pages anywhere, costs would vary */
#define DEPTH_MOST  64

static uint64_t size, depth, number;
static uint8_t *buffer;
static int file, is_random;
static aio_context_t queue;
static volatile uint64_t *idle;

static void count_idle(void)
{
	sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){ 0 });
	for (uint64_t before = __rdtsc(), now;; before = now) {
		now = __rdtsc();
		*idle += now - before < INTERRUPTED ? now - before : 0;
	}
}

static void sample(void)
{
	puts("disk-sample");
	if (getchar() == EOF) {
		err(1, "no answer");
	}
}

static int64_t next_offset(void)
{
	uint64_t mixed = ++number * UINT64_C(0x9e3779b97f4a7c15) >> 32; /* Knuth, 6.4 */

	return (int64_t)((is_random ? mixed : number) * size % SPAN);
}

static void read_batch(void)
{
	struct iocb blocks[DEPTH_MOST] = { 0 }, *pointers[DEPTH_MOST];
	struct io_event events[DEPTH_MOST];

	for (uint64_t i = 0; i < depth; i++) {
		pointers[i] = &blocks[i];
		blocks[i].aio_lio_opcode = IOCB_CMD_PREAD;
		blocks[i].aio_fildes = (uint32_t)file;
		blocks[i].aio_buf = (uint64_t)buffer + i * size;
		blocks[i].aio_nbytes = size;
		blocks[i].aio_offset = next_offset();
	}
	if (syscall(SYS_io_submit, queue, depth, pointers) != (long)depth ||
	    syscall(SYS_io_getevents, queue, depth, depth, events, NULL) != (long)depth ||
	    events[0].res != (int64_t)size) {
		err(1, "read");
	}
}

static void read_many(uint64_t count)
{
	for (uint64_t i = 0; i < count; i += depth) {
		if (depth > 1) {
			read_batch();
		} else if (pread(file, buffer, size, next_offset()) != (ssize_t)size) {
			err(1, "read");
		}
	}
}

static void *map(size_t bytes, int flags)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_ANONYMOUS | MAP_POPULATE | flags, -1, 0);

	if (memory == MAP_FAILED) {
		err(1, "memory");
	}
	return memory;
}

int main(int word_count, char **words)
{
	uint64_t start, idle_start, ticks;
	pid_t child;

	if (word_count != 6) {
		errx(2, "usage: disk DEVICE random|sequential SIZE DEPTH COUNT");
	}
	file = open(words[1], O_RDONLY | O_DIRECT);
	is_random = words[2][0] == 'r';
	size = strtoull(words[3], NULL, 10);
	depth = strtoull(words[4], NULL, 10);
	buffer = map(BUFFER, MAP_PRIVATE | MAP_HUGETLB);
	idle = map(sizeof(*idle), MAP_SHARED);
	if (file < 0 || depth > DEPTH_MOST || size * depth > BUFFER ||
	    syscall(SYS_io_setup, DEPTH_MOST, &queue) != 0) {
		err(1, "%s", words[1]);
	}
	child = fork();
	if (child == 0) {
		count_idle();
	}
	read_many(WARM_UP);
	sample();
	start = __rdtsc();
	idle_start = *idle;
	read_many(strtoull(words[5], NULL, 10));
	ticks = __rdtsc() - start - (*idle - idle_start);
	sample();
	printf("disk-ticks %lu\n", ticks);
	kill(child, SIGKILL);
	return 0;
}
